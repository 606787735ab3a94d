// The operator as a program of a simulated process: put together as in a real one (operator/operator.h); how it asks
// pods for the generation that they see, and what it tells of its plans, is the test's. Thread: one.
#pragma once

#include "operator/operator.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_process.h"

namespace pd::test {

class OperatorProgram final : public SimProgram {
 public:
  OperatorProgram(SimProcess& process, const op::Options& options, op::Delivery::Ask ask,
                  op::Controller::Planner planner);
  void terminate() override;

  const op::Operator& parts() const { return operator_; }

 private:
  boost::asio::awaitable<void> end_in_order();

  SimProcess& process_;
  ProcessTransport transport_;
  ProcessTransport election_;
  runtime::Rng rng_;
  runtime::MetricsRegistry metrics_;
  op::Operator operator_;
  bool ending_ = false;
};

}  // namespace pd::test
