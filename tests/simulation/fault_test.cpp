#include "tests/simulation/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace pd::test {
namespace {

using std::chrono::seconds;

Fault crash_at(int second) { return {FaultKind::kCrashed, seconds(second), seconds(1), 0}; }

std::vector<int> times(const std::vector<Fault>& faults) {
  std::vector<int> found;
  for (const Fault& fault : faults)
    found.push_back(static_cast<int>(std::chrono::duration_cast<seconds>(fault.at).count()));
  return found;
}

TEST(DrawFaults, DrawsEveryKindWithinItsRanges) {
  std::set<FaultKind> kinds;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    runtime::Rng rng(seed);
    const std::vector<Fault> faults = draw_faults(rng, {.processes = 3, .servers = 2, .span = seconds(60), .most = 8});
    EXPECT_LE(faults.size(), 8U);
    for (const Fault& fault : faults) {
      kinds.insert(fault.kind);
      EXPECT_LE(fault.at, seconds(60));
      EXPECT_LT(fault.subject, concerns_server(fault.kind) ? 2 : 3);
    }
    EXPECT_TRUE(
        std::is_sorted(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; }));
  }
  EXPECT_EQ(kinds.size(), static_cast<std::size_t>(kFaultKinds));
}

TEST(Shrink, KeepsWhatTheFailureNeeds) {
  std::vector<Fault> faults;
  for (int i = 0; i < 12; ++i) faults.push_back(crash_at(i));
  const auto needs_two = [](const std::vector<Fault>& left) {
    const std::vector<int> at = times(left);
    return std::count(at.begin(), at.end(), 3) == 1 && std::count(at.begin(), at.end(), 10) == 1;
  };
  EXPECT_THAT(times(shrink(faults, needs_two)), ::testing::ElementsAre(3, 10));
}

TEST(Shrink, KeepsNoneWhereNoneIsNeeded) {
  EXPECT_TRUE(
      shrink(std::vector<Fault>{crash_at(1), crash_at(2), crash_at(3)}, [](const auto&) { return true; }).empty());
}

TEST(FaultText, SaysWhatWhenAndWhom) {
  EXPECT_EQ(to_string(Fault{FaultKind::kPaused, std::chrono::milliseconds(1050), seconds(20), 1}),
            "at 1.050 s for 20.000 s: paused (process 1)");
}

}  // namespace
}  // namespace pd::test
