// The runtime under the faults of many seeds. PD_SIMULATION_SEEDS says how many (500), PD_SIMULATION_FIRST_SEED where
// to begin. A run that fails is made again with fewer and fewer faults, and printed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/log.h"
#include "tests/simulation/copier_world.h"

namespace pd::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string explain(std::uint64_t seed, const std::vector<Fault>& faults) {
  const std::vector<Fault> fewest =
      shrink(faults, [seed](const std::vector<Fault>& fewer) { return !run_copier(seed, fewer).violation.empty(); });
  return "seed " + std::to_string(seed) + " fails with these faults: " + run_copier(seed, fewest).violation + "\n" +
         to_string(fewest) + "again: PD_SIMULATION_FIRST_SEED=" + std::to_string(seed) + " PD_SIMULATION_SEEDS=1";
}

TEST(CopierSimulation, HoldsUnderTheFaultsOfEachSeed) {
  const bool trace = std::getenv("PD_SIMULATION_TRACE") != nullptr;
  log::init({.program = "simulation", .json = false, .level = trace ? log::Level::kInfo : log::Level::kNone});
  const std::uint64_t first = from_environment("PD_SIMULATION_FIRST_SEED", 1);
  const std::uint64_t count = from_environment("PD_SIMULATION_SEEDS", 500);
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t steps = 0;
  std::uint64_t writes = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const std::vector<Fault> faults = copier_faults(seed);
    const Verdict verdict = run_copier(seed, faults, trace);
    ASSERT_EQ(verdict.violation, "") << explain(seed, faults);
    steps += verdict.steps;
    writes += static_cast<std::uint64_t>(verdict.copies_written);
    if ((seed - first) % 1000 == 999) {
      std::fprintf(stderr, "%llu of %llu\n", static_cast<unsigned long long>(seed - first + 1),
                   static_cast<unsigned long long>(count));
    }
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("%llu runs in %.1f s: %.0f runs/s, %.0f steps/s, %llu copies written\n",
              static_cast<unsigned long long>(count), took, static_cast<double>(count) / took,
              static_cast<double>(steps) / took, static_cast<unsigned long long>(writes));
  EXPECT_GE(writes, count) << "the runs do next to nothing";
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
