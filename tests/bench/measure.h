// Measures how long a call takes and prints it as one JSON line. Thread: for benchmarks.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "base/json.h"

namespace pd::bench {

inline constexpr std::size_t kCalls = 101;
inline constexpr std::size_t kFewestCalls = 11;                   // of what is slow
inline constexpr auto kEnough = std::chrono::milliseconds(1000);  // after which no more than the fewest are made

struct Times {
  std::vector<double> sorted;  // in microseconds
  std::size_t answer = 0;      // of the last call

  double median() const { return sorted[sorted.size() / 2]; }
};

// The call's answer is looked at, so that the compiler can't leave the call out.
template <typename Call>
Times time_calls(Call call) {
  using Clock = std::chrono::steady_clock;
  Times times;
  const auto begun = Clock::now();
  while (times.sorted.size() < kCalls) {
    if (times.sorted.size() >= kFewestCalls && Clock::now() - begun > kEnough) break;
    const auto started = Clock::now();
    const std::size_t answer = call();
    const std::chrono::duration<double, std::micro> time = Clock::now() - started;
    times.sorted.push_back(time.count());
    times.answer = answer;
  }
  std::sort(times.sorted.begin(), times.sorted.end());
  return times;
}

template <typename Call>
void measure(const std::string& name, Call call) {
  const Times times = time_calls(call);
  const Json line = {{"bench", name},
                     {"unit", "us"},
                     {"median", times.median()},
                     {"min", times.sorted.front()},
                     {"calls", times.sorted.size()},
                     {"size", times.answer}};
  std::cout << line.dump() << '\n';
}

// More digits would be of nothing but chance.
inline double rounded(double value) { return std::round(value * 1e4) / 1e4; }

// Of a call that goes through `bytes` bytes of text.
template <typename Call>
void measure_bytes(const std::string& name, std::size_t bytes, Call call) {
  const Times times = time_calls(call);
  const Json line = {{"bench", name},
                     {"unit", "ms"},
                     {"median", rounded(times.median() / 1e3)},
                     {"min", rounded(times.sorted.front() / 1e3)},
                     {"mb_per_s", std::round(static_cast<double>(bytes) / times.median())},
                     {"calls", times.sorted.size()},
                     {"size", bytes}};
  std::cout << line.dump() << '\n';
}

}  // namespace pd::bench
