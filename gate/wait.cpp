#include "gate/wait.h"

#include <algorithm>

#include "gate/directory_watch.h"

namespace pd::gate {
namespace {

// For changes that inotify does not tell, such as a directory that comes later.
constexpr Duration kPollInterval = std::chrono::seconds(1);

std::string in_seconds(Duration time) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return millis % 1000 == 0 ? std::to_string(millis / 1000) + "s" : std::to_string(millis) + "ms";
}

}  // namespace

Result<std::int64_t> wait_for_tables(const WaitOptions& options,
                                     const std::function<void(const std::string&)>& progress) {
  const SystemClock clock;
  const Instant deadline = clock.now() + options.timeout;
  DirectoryWatch watch(options.subject.directory);
  std::string seen;  // the publication that was judged last; empty while none could be
  std::string missing;
  while (true) {
    watch.arm();
    const std::string current = publication(options.subject.directory);
    if (current.empty() || current != seen) {
      const View view = look(options.subject);
      const std::string now_missing = missing_to_start(view);
      if (now_missing.empty()) return view.generation;
      if (now_missing != missing) progress(now_missing);
      missing = now_missing;
      seen = view.state == View::State::kMissing ? std::string() : current;
    }
    const Duration left = deadline - clock.now();
    if (left <= Duration::zero()) {
      return Error{Code::kTimeout, "no table after " + in_seconds(options.timeout) + ": " + missing};
    }
    watch.wait(std::min(left, kPollInterval));
  }
}

}  // namespace pd::gate
