// The whole system under the faults of many seeds. PD_SIMULATION_SEEDS says how many (500), PD_SIMULATION_FIRST_SEED
// where to begin. A run that fails is made again with fewer and fewer of its ills, and printed; with
// PD_SIMULATION_TRACE all that happens is told as it happens.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/log.h"
#include "tests/simulation/operator_world.h"

namespace pd::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string explain(std::uint64_t seed, const Ills& ills) {
  const Ills fewest = shrink_ills(seed, ills);
  std::string text = "seed " + std::to_string(seed) + " fails with these ills: ";
  text += run_operators(seed, fewest, true).violation + "\n" + to_string(fewest);
  return text + "again: PD_SIMULATION_FIRST_SEED=" + std::to_string(seed) +
         " PD_SIMULATION_SEEDS=1 simulation-runs --gtest_filter=Operator*";
}

TEST(OperatorSimulation, HoldsUnderTheIllsOfEachSeed) {
  const bool trace = std::getenv("PD_SIMULATION_TRACE") != nullptr;
  log::init({.program = "simulation", .json = false, .level = trace ? log::Level::kInfo : log::Level::kNone});
  const std::uint64_t first = from_environment("PD_SIMULATION_FIRST_SEED", 1);
  const std::uint64_t count = from_environment("PD_SIMULATION_SEEDS", 500);
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t steps = 0;
  std::uint64_t tables = 0;
  std::uint64_t recovered = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Ills ills = draw_ills(seed);
    const Outcome outcome = run_operators(seed, ills, trace);
    ASSERT_EQ(outcome.violation, "") << explain(seed, ills);
    steps += outcome.steps;
    tables += static_cast<std::uint64_t>(outcome.tables);
    recovered += outcome.recovered ? 1 : 0;
    if ((seed - first) % 1000 == 999) {
      std::fprintf(stderr, "%llu of %llu\n", static_cast<unsigned long long>(seed - first + 1),
                   static_cast<unsigned long long>(count));
    }
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("%llu runs in %.1f s: %.0f runs/s, %.0f steps/s, %llu tables written\n",
              static_cast<unsigned long long>(count), took, static_cast<double>(count) / took,
              static_cast<double>(steps) / took, static_cast<unsigned long long>(tables));
  EXPECT_GE(tables, 2 * count) << "the runs do next to nothing";
  EXPECT_EQ(recovered, count);
}

TEST(OperatorSimulation, ASeedAlwaysGivesTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome once = run_operators(seed, draw_ills(seed));
    const Outcome again = run_operators(seed, draw_ills(seed));
    EXPECT_EQ(once.steps, again.steps) << "seed " << seed;
    EXPECT_EQ(once.requests, again.requests) << "seed " << seed;
    EXPECT_EQ(once.tables, again.tables) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pd::test
