#include "tests/simulation/agent_program.h"

namespace pd::test {

AgentProgram::AgentProgram(SimProcess& process, const std::string& node_name, agent::Agent::Sources sources)
    : process_(process),
      transport_(process),
      rng_(process.world().rng()()),
      client_(transport_),
      node_(client_, node_name, stop_.token()),
      agent_(process.context(), {}, std::move(sources), node_, process.clock(), rng_),
      publishing_(process.context()) {
  publishing_.start(agent_.run());
}

void AgentProgram::terminate() {
  if (!stop_.stopped()) runtime::spawn(process_.context(), end_in_order());
}

boost::asio::awaitable<void> AgentProgram::end_in_order() {
  agent_.stop();
  stop_.stop();
  co_await publishing_.ended();
  process_.exit();
}

}  // namespace pd::test
