// The sample controller in a simulated run: two processes of it that compete for a Lease, users who change sources and
// meddle with copies, and the faults of a seed. It exercises the runtime alone, and checks after every step what a
// controller must be able to rely on.
//
//   const Verdict verdict = run_copier(seed, faults_of(seed));
//   EXPECT_EQ(verdict.violation, "") << to_string(faults);
//
// Thread: one.
#pragma once

#include <string>
#include <vector>

#include "tests/simulation/fault.h"

namespace pd::test {

struct Verdict {
  std::string violation;  // empty: all held
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;  // that reached an API server
  int copies_written = 0;
};

std::vector<Fault> copier_faults(std::uint64_t seed);
Verdict run_copier(std::uint64_t seed, const std::vector<Fault>& faults, bool trace = false);

}  // namespace pd::test
