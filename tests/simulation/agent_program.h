// The agent as a program of a simulated process: its loop and its API client are real, what it would read of its node
// is given by the test. Thread: one.
#pragma once

#include "daemonset/agent.h"
#include "daemonset/kube_node.h"
#include "runtime/flow.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_process.h"

namespace pd::test {

class AgentProgram final : public SimProgram {
 public:
  // `sources` are asked as long as the process lives.
  AgentProgram(SimProcess& process, const std::string& node_name, agent::Agent::Sources sources);
  void terminate() override;

  agent::Agent& agent() { return agent_; }

 private:
  boost::asio::awaitable<void> end_in_order();

  SimProcess& process_;
  ProcessTransport transport_;
  runtime::Rng rng_;
  kube::Client client_;
  StopSource stop_;
  agent::KubeNode node_;
  agent::Agent agent_;
  runtime::Flow publishing_;
};

}  // namespace pd::test
