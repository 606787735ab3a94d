// The runtime under the faults of many seeds (seeds.h). A run that fails is made again with fewer and fewer faults, and
// printed.
#include <gtest/gtest.h>

#include "tests/simulation/copier_world.h"
#include "tests/simulation/seeds.h"

namespace pd::test {
namespace {

std::string explain(std::uint64_t seed, const std::vector<Fault>& faults) {
  const std::vector<Fault> fewest =
      shrink(faults, [seed](const std::vector<Fault>& fewer) { return !run_copier(seed, fewer).violation.empty(); });
  return "seed " + std::to_string(seed) + " fails with these faults: " + run_copier(seed, fewest).violation + "\n" +
         to_string(fewest) + "again: PD_SIMULATION_FIRST_SEED=" + std::to_string(seed) + " PD_SIMULATION_SEEDS=1";
}

TEST(CopierSimulation, HoldsUnderTheFaultsOfEachSeed) {
  const Seeds seeds = read_seeds();
  std::uint64_t steps = 0;
  std::uint64_t writes = 0;
  const double took = seeds.run([&](std::uint64_t seed) { return run_copier(seed, copier_faults(seed), seeds.trace); },
                                [&](std::uint64_t seed, const Verdict& verdict) {
                                  EXPECT_EQ(verdict.violation, "") << explain(seed, copier_faults(seed));
                                  steps += verdict.steps;
                                  writes += static_cast<std::uint64_t>(verdict.copies_written);
                                  return verdict.violation.empty();
                                });
  const auto count = static_cast<double>(seeds.count);
  std::printf("%.0f runs in %.1f s: %.0f runs/s, %.0f steps/s, %llu copies written\n", count, took, count / took,
              static_cast<double>(steps) / took, static_cast<unsigned long long>(writes));
  EXPECT_GE(writes, seeds.count) << "the runs do next to nothing";
}

// Each of these has found a fault of the runtime once.
TEST(CopierSimulation, HoldsUnderTheFaultsThatHaveFoundSomething) {
  for (const std::uint64_t seed : {79, 1612, 3611}) {
    EXPECT_EQ(run_copier(seed, copier_faults(seed)).violation, "") << "seed " << seed;
  }
}

TEST(CopierSimulation, ASeedAlwaysGivesTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Verdict once = run_copier(seed, copier_faults(seed));
    const Verdict again = run_copier(seed, copier_faults(seed));
    EXPECT_EQ(once.steps, again.steps) << "seed " << seed;
    EXPECT_EQ(once.requests, again.requests) << "seed " << seed;
    EXPECT_EQ(once.copies_written, again.copies_written) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pd::test
