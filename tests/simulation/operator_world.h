// The whole system in a simulated run: one or two operators, an agent on each node, kubelets, a scheduler, people who
// edit and break things, and the faults of a seed. The safety of each plan and of each write is judged at once; when
// all has ended, the system must come to rest, stay so, and then get over the loss of one pod at the price that is
// promised.
//
//   const Ills ills = draw_ills(seed);
//   const Outcome outcome = run_operators(seed, ills);
//   EXPECT_EQ(outcome.violation, "") << to_string(ills);
//
// Thread: one.
#pragma once

#include "tests/simulation/act.h"
#include "tests/simulation/fault.h"

namespace pd::test {

struct Ills {
  std::vector<Fault> faults;
  std::vector<Act> acts;
};
std::string to_string(const Ills& ills);

struct Outcome {
  std::string violation;  // empty: all held
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;  // of operators and agents
  int tables = 0;              // that were written
  bool recovered = false;      // it came to the loss of one pod, and that was got over
};

Ills draw_ills(std::uint64_t seed);
Outcome run_operators(std::uint64_t seed, const Ills& ills, bool trace = false);

// The fewest of both with which the run still fails.
Ills shrink_ills(std::uint64_t seed, Ills ills);

}  // namespace pd::test
