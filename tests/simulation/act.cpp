#include "tests/simulation/act.h"

#include <algorithm>
#include <array>

namespace pd::test {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, kActKinds> kNames = {"scaled",
                                                            "scaled to zero",
                                                            "template changed",
                                                            "NPUs changed",
                                                            "paused or not",
                                                            "policy changed",
                                                            "pod deleted",
                                                            "pod killed",
                                                            "ConfigMap deleted",
                                                            "ConfigMap edited",
                                                            "claim forged",
                                                            "label forged",
                                                            "touch forged",
                                                            "Node forged",
                                                            "name taken",
                                                            "deployment remade",
                                                            "pod evicted",
                                                            "container crashed",
                                                            "node drained",
                                                            "node dead",
                                                            "node lost",
                                                            "node replaced",
                                                            "kubelet restarted",
                                                            "kubelet lags",
                                                            "sidecars mute",
                                                            "link changed",
                                                            "address changed"};

std::string seconds(Duration duration) {
  const auto millis = std::chrono::duration_cast<milliseconds>(duration).count();
  std::string fraction = std::to_string(millis % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(millis / 1000) + "." + fraction + " s";
}

}  // namespace

std::string_view to_string(ActKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

std::string to_string(const std::vector<Act>& acts) {
  std::string text;
  for (const Act& act : acts) {
    text += "  at " + seconds(act.at) + " for " + seconds(act.duration) + ": ";
    text.append(to_string(act.kind)).append(" (choice ").append(std::to_string(act.choice)).append(")\n");
  }
  return text.empty() ? "  nobody does anything\n" : text;
}

std::vector<Act> draw_acts(runtime::Rng& rng, Duration span, int most) {
  const auto millis = std::chrono::duration_cast<milliseconds>(span).count();
  std::vector<Act> acts(std::uniform_int_distribution<std::size_t>(0, static_cast<std::size_t>(most))(rng));
  for (Act& act : acts) {
    act.kind = static_cast<ActKind>(std::uniform_int_distribution<int>(0, kActKinds - 1)(rng));
    act.at = milliseconds(std::uniform_int_distribution<std::int64_t>(0, millis)(rng));
    act.duration = milliseconds(std::uniform_int_distribution<std::int64_t>(100, 30'000)(rng));
    act.choice = std::uniform_int_distribution<std::uint32_t>()(rng);
  }
  std::stable_sort(acts.begin(), acts.end(), [](const Act& a, const Act& b) { return a.at < b.at; });
  return acts;
}

}  // namespace pd::test
