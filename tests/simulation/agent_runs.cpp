// What a thousand agents ask of the API server.
#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/simulation/agent_program.h"

namespace pd::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kAgents = 1000;
constexpr int kMinutes = 2;

agent::Agent::Sources eight_npus(std::uint64_t node) {
  agent::InventoryReading inventory;
  inventory.inventory.source = "hccn_tool";
  inventory.inventory.resource = "huawei.com/Ascend910";
  for (int id = 0; id < 8; ++id) {
    npu::Device device;
    device.id = id;
    device.ip = "29." + std::to_string(node / 250) + "." + std::to_string(node % 250) + "." + std::to_string(100 + id);
    inventory.inventory.devices.push_back(std::move(device));
  }
  agent::Agent::Sources sources;
  sources.inventory = [inventory]() -> boost::asio::awaitable<Result<agent::InventoryReading>> { co_return inventory; };
  sources.allocations = []() -> boost::asio::awaitable<Result<agent::AllocationsReading>> {
    co_return agent::AllocationsReading{};
  };
  sources.learn = [](const agent::Annotations&) { return false; };
  return sources;
}

struct Load {
  std::uint64_t requests = 0;
  std::uint64_t writes = 0;
};

TEST(AgentSimulation, AThousandAgentsAskLittleAndWriteOnce) {
  log::init({.program = "simulation", .json = false, .level = log::Level::kNone});
  World world(1, {.servers = 1});
  for (std::uint64_t i = 0; i < kAgents; ++i) {
    const std::string name = "node-" + std::to_string(i);
    world.as_user("POST", "/api/v1/nodes", {{"metadata", {{"name", name}}}});
    world.add_process(
        [name, i](SimProcess& process) { return std::make_unique<AgentProgram>(process, name, eight_npus(i)); });
  }
  std::map<long, Load> by_minute;
  std::map<long, std::uint64_t> by_second;
  const auto age_in = [&world](auto unit) {
    return static_cast<long>(std::chrono::duration_cast<decltype(unit)>(world.now() - world.start()).count());
  };
  world.on_commit([&](const Commit& commit) { by_minute[age_in(minutes())].writes += commit.process >= 0 ? 1 : 0; });
  std::uint64_t seen = world.network().requests();
  world.run_until(world.start() + minutes(kMinutes) - seconds(1), [&] {
    const std::uint64_t now = world.network().requests();
    by_minute[age_in(minutes())].requests += now - seen;
    by_second[age_in(seconds())] += now - seen;
    seen = now;
    return true;
  });
  for (const auto& [minute, load] : by_minute) {
    const std::uint64_t reads = load.requests - load.writes;
    std::printf("minute %ld: %llu reads, %llu writes\n", minute, static_cast<unsigned long long>(reads),
                static_cast<unsigned long long>(load.writes));
    EXPECT_EQ(load.writes, minute == 0 ? kAgents : 0);
    EXPECT_GE(reads, kAgents * 9 / 10);
    EXPECT_LE(reads, minute == 0 ? kAgents * 2 : kAgents * 5 / 4);
  }
  EXPECT_EQ(by_minute.size(), static_cast<std::size_t>(kMinutes));
  // Agents that have begun together drift apart.
  std::uint64_t most = 0;
  for (const auto& [second, requests] : by_second) {
    if (second >= 60) most = std::max(most, requests);
  }
  std::printf("at most %llu requests in a second after the first minute\n", static_cast<unsigned long long>(most));
  EXPECT_LE(most, kAgents / 4);
}

}  // namespace
}  // namespace pd::test
