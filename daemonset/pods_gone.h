// `pd-agent withdraw --after-pods SELECTOR`: waits for the agents' pods to be gone, since one that runs would write
// again what is removed. Thread: the transport's.
#pragma once

#include <string>

#include "kube/client.h"

namespace pd::agent {

namespace asio = boost::asio;

struct AgentPods {
  std::string ns;
  std::string selector;  // of labels
};

// Asks once a second, through failures that may pass. A pod whose time to end is over counts as gone: on a node that is
// dead it would stay in the list. An error when the API server refuses to say, when one is still
// there after `limit`, and when stopped.
asio::awaitable<Status> wait_until_gone(kube::Client& client, AgentPods pods, Duration limit, StopToken stop);

}  // namespace pd::agent
