// The whole system under the faults of many seeds (seeds.h). A run that fails is made again with fewer and fewer of its
// ills, and printed.
#include <gtest/gtest.h>

#include "tests/simulation/operator_world.h"
#include "tests/simulation/seeds.h"

namespace pd::test {
namespace {

std::string explain(std::uint64_t seed, const Ills& ills) {
  const Ills fewest = shrink_ills(seed, ills);
  std::string text = "seed " + std::to_string(seed) + " fails with these ills: ";
  text += run_operators(seed, fewest, true).violation + "\n" + to_string(fewest);
  return text + "again: PD_SIMULATION_FIRST_SEED=" + std::to_string(seed) +
         " PD_SIMULATION_SEEDS=1 simulation-runs --gtest_filter=Operator*";
}

TEST(OperatorSimulation, HoldsUnderTheIllsOfEachSeed) {
  const Seeds seeds = read_seeds();
  std::uint64_t steps = 0;
  std::uint64_t tables = 0;
  std::uint64_t recovered = 0;
  std::uint64_t ill = 0;
  const double took = seeds.run([&](std::uint64_t seed) { return run_operators(seed, draw_ills(seed), seeds.trace); },
                                [&](std::uint64_t seed, const Outcome& outcome) {
                                  const Ills ills = draw_ills(seed);
                                  EXPECT_EQ(outcome.violation, "") << explain(seed, ills);
                                  steps += outcome.steps;
                                  tables += static_cast<std::uint64_t>(outcome.tables);
                                  recovered += outcome.recovered ? 1 : 0;
                                  ill += ills.faults.size() + ills.acts.size();
                                  return outcome.violation.empty();
                                });
  const auto count = static_cast<double>(seeds.count);
  std::printf("%.0f runs in %.1f s: %.1f runs/s, %.0f steps/s, %llu tables written, %.1f faults and acts a run\n",
              count, took, count / took, static_cast<double>(steps) / took, static_cast<unsigned long long>(tables),
              static_cast<double>(ill) / count);
  EXPECT_GE(tables, 2 * seeds.count) << "the runs do next to nothing";
  EXPECT_EQ(recovered, seeds.count);
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
