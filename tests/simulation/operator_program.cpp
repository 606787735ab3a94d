#include "tests/simulation/operator_program.h"

namespace pd::test {

OperatorProgram::OperatorProgram(SimProcess& process, const op::Options& options, op::Delivery::Ask ask,
                                 op::Controller::Planner planner)
    : process_(process),
      transport_(process),
      election_(process),
      rng_(process.world().rng()()),
      operator_(process.context(),
                {transport_, election_, process.clock(), rng_, "operator-" + std::to_string(process.index()),
                 std::move(ask), [this] { process_.exit(); }},
                options, metrics_, std::move(planner)) {
  operator_.start([this](const Error&) { terminate(); });
}

void OperatorProgram::terminate() {
  if (!ending_) runtime::spawn(process_.context(), end_in_order());
  ending_ = true;
}

boost::asio::awaitable<void> OperatorProgram::end_in_order() {
  std::vector<std::pair<std::string, op::Operator::Step>> steps = operator_.ending();
  for (auto& [name, step] : steps) co_await step();
  process_.exit();
}

}  // namespace pd::test
