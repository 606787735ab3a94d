#include "tests/simulation/seeds.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "base/log.h"

namespace pd::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

double Seeds::spread(const std::function<bool(std::uint64_t seed)>& one) const {
  const auto started = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> begun = 0;
  std::atomic<std::uint64_t> done = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    while (!failed) {
      const std::uint64_t next = begun++;
      if (next >= count) return;
      if (!one(first + next)) failed = true;
      if (++done % 1000 == 0) {
        std::fprintf(stderr, "%llu of %llu\n", static_cast<unsigned long long>(done),
                     static_cast<unsigned long long>(count));
      }
    }
  };
  std::vector<std::thread> others(trace ? 0 : std::max(1U, std::thread::hardware_concurrency()) - 1);
  for (std::thread& other : others) other = std::thread(work);
  work();
  for (std::thread& other : others) other.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

Seeds read_seeds() {
  const Seeds seeds{from_environment("PD_SIMULATION_FIRST_SEED", 1), from_environment("PD_SIMULATION_SEEDS", 500),
                    std::getenv("PD_SIMULATION_TRACE") != nullptr};
  log::init({.program = "simulation", .json = false, .level = seeds.trace ? log::Level::kInfo : log::Level::kNone});
  return seeds;
}

}  // namespace pd::test
