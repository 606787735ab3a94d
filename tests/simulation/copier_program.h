// The sample controller as a program of a simulated process, put together as a real main() does it: caches that are
// filled from the start, workers while it leads, writes that are fenced, and an end in order.
#pragma once

#include "copier/copier.h"
#include "runtime/fenced_transport.h"
#include "runtime/flow.h"
#include "runtime/leader_election.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_process.h"

namespace pd::test {

inline const std::string kSourceNamespace = "from";
inline const std::string kCopyNamespace = "to";

class CopierProgram final : public SimProgram {
 public:
  explicit CopierProgram(SimProcess& process);
  void terminate() override;

  const runtime::LeaderElector& elector() const { return elector_; }
  const copier::Copier& copier() const { return copier_; }

 private:
  void work();
  boost::asio::awaitable<void> end_in_order();

  SimProcess& process_;
  ProcessTransport transport_;
  ProcessTransport lease_transport_;
  runtime::Rng rng_;
  runtime::FencedTransport fenced_;
  kube::Client client_;
  kube::Client lease_client_;
  runtime::LeaseLock lock_;
  runtime::LeaderElector elector_;
  copier::Copier copier_;
  StopSource stop_working_;
  StopSource stop_watching_;
  StopSource stop_competing_;
  runtime::Flow working_;
  runtime::Flow watching_;
  runtime::Flow competing_;
};

}  // namespace pd::test
