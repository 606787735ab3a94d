// `pd-agent withdraw`: removes what agents have written, from all Nodes. For after the agents are gone: one that runs
// would write it again. Thread: the transport's.
#pragma once

#include "kube/client.h"

namespace pd::agent {

namespace asio = boost::asio;

struct Withdrawn {
  int nodes = 0;   // from which something was removed
  int failed = 0;  // that still have it
};

// One patch for each Node that has one of our annotations. One Node that fails keeps no other from it. An error where
// the Nodes can't be listed, and where not all have been tried after `limit`: what was removed stays so.
asio::awaitable<Result<Withdrawn>> withdraw(kube::Client& client, Duration limit, StopToken stop);

}  // namespace pd::agent
