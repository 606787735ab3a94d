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

// One patch for each Node that has one of our annotations. One Node that fails keeps no other from it; an error only
// where the Nodes can't be listed.
asio::awaitable<Result<Withdrawn>> withdraw(kube::Client& client, StopToken stop);

}  // namespace pd::agent
