#include "tests/simulation/fault.h"

#include <algorithm>
#include <array>

namespace pd::test {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, kFaultKinds> kNames = {"requests lost",
                                                              "replies lost",
                                                              "requests replayed",
                                                              "requests slow",
                                                              "throttled",
                                                              "server errors",
                                                              "refused",
                                                              "watches cut",
                                                              "watches ended",
                                                              "watches silent",
                                                              "watches repeat",
                                                              "watches garbled",
                                                              "watches expired",
                                                              "watches failed",
                                                              "server lags",
                                                              "server restarted",
                                                              "no streaming lists",
                                                              "etcd compacted",
                                                              "crashed",
                                                              "crashed in write",
                                                              "paused",
                                                              "stopped",
                                                              "moved",
                                                              "wall clock jumps"};

std::string seconds(Duration duration) {
  const auto millis = std::chrono::duration_cast<milliseconds>(duration).count();
  std::string fraction = std::to_string(millis % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(millis / 1000) + "." + fraction + " s";
}

Duration draw_duration(runtime::Rng& rng, Duration least, Duration most) {
  std::uniform_int_distribution<std::int64_t> millis(std::chrono::duration_cast<milliseconds>(least).count(),
                                                     std::chrono::duration_cast<milliseconds>(most).count());
  return milliseconds(millis(rng));
}

}  // namespace

std::string_view to_string(FaultKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

bool concerns_server(FaultKind kind) {
  return kind == FaultKind::kServerLags || kind == FaultKind::kServerRestarted ||
         kind == FaultKind::kNoStreamingLists || kind == FaultKind::kEtcdCompacted;
}

std::string to_string(const Fault& fault) {
  return "at " + seconds(fault.at) + " for " + seconds(fault.duration) + ": " + std::string(to_string(fault.kind)) +
         (concerns_server(fault.kind) ? " (server " : " (process ") + std::to_string(fault.subject) + ")";
}

std::string to_string(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) text += "  " + to_string(fault) + "\n";
  return text.empty() ? "  no faults\n" : text;
}

std::vector<Fault> draw_faults(runtime::Rng& rng, const FaultRanges& ranges) {
  std::uniform_int_distribution<int> count(0, ranges.most);
  std::uniform_int_distribution<int> kind(0, kFaultKinds - 1);
  std::vector<Fault> faults(static_cast<std::size_t>(count(rng)));
  for (Fault& fault : faults) {
    fault.kind = static_cast<FaultKind>(kind(rng));
    fault.at = draw_duration(rng, Duration::zero(), ranges.span);
    fault.duration = draw_duration(rng, milliseconds(10), std::chrono::seconds(30));
    const int subjects = concerns_server(fault.kind) ? ranges.servers : ranges.processes;
    fault.subject = std::uniform_int_distribution<int>(0, subjects - 1)(rng);
  }
  std::stable_sort(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return faults;
}

}  // namespace pd::test
