// Measures how long a call takes and prints it as one JSON line. Thread: for benchmarks.
#pragma once

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "base/json.h"

namespace pd::bench {

inline constexpr int kCalls = 101;

// The call's answer is looked at, so that the compiler can't leave the call out.
template <typename Call>
void measure(const std::string& name, Call call) {
  std::vector<double> times;
  std::size_t size = 0;
  for (int n = 0; n < kCalls; ++n) {
    const auto started = std::chrono::steady_clock::now();
    const std::size_t answer = call();
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - started;
    times.push_back(time.count());
    size = answer;
  }
  std::sort(times.begin(), times.end());
  const Json line = {{"bench", name},        {"unit", "us"},    {"median", times[kCalls / 2]},
                     {"min", times.front()}, {"calls", kCalls}, {"size", size}};
  std::cout << line.dump() << '\n';
}

}  // namespace pd::bench
