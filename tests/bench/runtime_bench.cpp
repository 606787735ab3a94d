// The runtime without a network: what a key costs on its way through the work queue, and how fast the simulator runs
// the sample controller.
#include <boost/asio/io_context.hpp>

#include <iostream>

#include "base/log.h"
#include "runtime/spawn.h"
#include "runtime/work_queue.h"
#include "tests/bench/measure.h"
#include "tests/simulation/copier_world.h"

namespace {

using namespace pd;
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kKeys = 10000;
constexpr int kRounds = 20;
constexpr std::uint64_t kSeeds = 300;

void print(const std::string& name, const std::string& unit, double value, const Json& more) {
  Json line = {{"bench", name}, {"unit", unit}, {"median", bench::rounded(value)}};
  line.update(more);
  std::cout << line.dump() << '\n';
}

// Adds every key twice, takes each, and says that it is done.
asio::awaitable<void> go_round(runtime::WorkQueue& queue, const std::vector<std::string>& keys, std::size_t& taken) {
  const StopToken never;
  for (int round = 0; round < kRounds; ++round) {
    for (const std::string& key : keys) queue.add(key);
    for (const std::string& key : keys) queue.add(key);
    while (queue.depth() > 0) {
      const std::optional<std::string> key = co_await queue.take(never);
      const runtime::WorkQueue::Outcome done;
      queue.done(*key, done);
      ++taken;
    }
  }
}

bool measure_queue() {
  asio::io_context context;
  runtime::Rng rng(1);
  runtime::WorkQueue queue(context, rng, {});
  std::vector<std::string> keys;
  for (int i = 0; i < kKeys; ++i) keys.push_back("llm-serving/qwen3-" + std::to_string(i));
  std::size_t taken = 0;
  const auto begun = Clock::now();
  runtime::spawn(context, go_round(queue, keys, taken));
  context.run();
  const double seconds = Seconds(Clock::now() - begun).count();
  // An operation is one of add (two a key), take and done.
  print("runtime.queue", "operations/s", static_cast<double>(taken) * 4 / seconds,
        {{"keys", kKeys}, {"calls", taken * 4}});
  return taken == static_cast<std::size_t>(kKeys) * kRounds;
}

bool measure_simulator() {
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  bool right = true;
  const auto begun = Clock::now();
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const test::Verdict verdict = test::run_copier(seed, test::copier_faults(seed));
    steps += verdict.steps;
    requests += verdict.requests;
    right = right && verdict.violation.empty();
  }
  const double seconds = Seconds(Clock::now() - begun).count();
  print("runtime.simulator", "events/s", static_cast<double>(steps) / seconds, {{"calls", steps}});
  print("runtime.simulator_requests", "requests/s", static_cast<double>(requests) / seconds, {{"calls", requests}});
  print("runtime.simulator_runs", "runs/s", static_cast<double>(kSeeds) / seconds, {{"calls", kSeeds}});
  return right;
}

}  // namespace

int main() {
  log::init({"runtime_bench", true, log::Level::kError});  // the simulator's faults are many
  const bool queue = measure_queue();
  const bool simulator = measure_simulator();
  if (!queue || !simulator) std::cerr << "runtime_bench: not all went as it should: the numbers mean nothing\n";
  return queue && simulator ? 0 : 1;
}
