// The seeds of simulated runs, as the environment says: PD_SIMULATION_SEEDS of them (500), from
// PD_SIMULATION_FIRST_SEED (1) on. Each core has its own runs; with PD_SIMULATION_TRACE there is one after the other,
// and each tells what happens in it.
//
//   const Seeds seeds = read_seeds();
//   seeds.run([](std::uint64_t seed) { return try_it(seed); },
//             [&](std::uint64_t seed, const Outcome& outcome) { return is_fine(outcome); });
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

namespace pd::test {

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 500;
  bool trace = false;

  // `one` is called from several threads at a time, `judge` with its outcome from one at a time, until that answers
  // false. Answers the seconds it took.
  template <typename One, typename Judge>
  double run(One one, Judge judge) const {
    std::mutex judging;
    return spread([&](std::uint64_t seed) {
      const auto outcome = one(seed);
      const std::lock_guard lock(judging);
      return judge(seed, outcome);
    });
  }

 private:
  // Says after each thousand how far it is.
  double spread(const std::function<bool(std::uint64_t seed)>& one) const;
};

// Also sets up the log, which is silent without a trace.
Seeds read_seeds();

}  // namespace pd::test
