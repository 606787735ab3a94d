#include "plan/touch.h"

#include <algorithm>

namespace pd::plan {
namespace {

using std::chrono::seconds;

// Kubelet's view of the ConfigMap can lag behind its view of the pod, so a listed pod that has not confirmed is touched
// once more a little later. After a minute kubelet has refreshed the files by itself.
constexpr seconds kRetouchAfter{5};
constexpr seconds kRetouchUntil{60};

class Toucher {
 public:
  explicit Toucher(const Situation& situation)
      : situation_(situation),
        generation_(std::to_string(situation.table.generation)),
        published_(published_at(situation)) {}

  void visit(const Instance& instance, const kube::Pod& pod) {
    if (!should_see(situation_, instance, pod)) return;
    if (pod.meta.annotation(kube::kPodGenerationAnnotation) != generation_) {
      std::map<std::string, std::string> annotations = {{std::string(kube::kPodGenerationAnnotation), generation_}};
      if (is_overdue(situation_)) {
        // The ConfigMap has been there for long enough: this touch is the second one too.
        annotations[std::string(kube::kRetouchedAnnotation)] = generation_;
      } else if (published_) {
        touches_.due = *published_ + kRetouchAfter;
      }
      return touch(pod, std::move(annotations));
    }
    if (!published_ || pod.meta.annotation(kube::kRetouchedAnnotation) == generation_) return;
    if (has_seen(situation_, pod)) return;
    if (!is_overdue(situation_)) {
      touches_.due = *published_ + kRetouchAfter;
    } else if (situation_.now <= *published_ + kRetouchUntil) {
      touch(pod, {{std::string(kube::kRetouchedAnnotation), generation_}});
    }
  }

  Touches take() { return std::move(touches_); }

 private:
  void touch(const kube::Pod& pod, std::map<std::string, std::string> annotations) {
    touches_.pods.push_back({pod.meta.name, pod.meta.uid, pod.meta.resource_version, std::move(annotations)});
  }

  const Situation& situation_;
  std::string generation_;
  std::optional<WallTime> published_;
  Touches touches_;
};

}  // namespace

std::optional<WallTime> published_at(const Situation& situation) {
  const kube::RanktableStatus& known = situation.deployment().status.ranktable;
  if (situation.table.verdict == TableVerdict::kScaledToZero) return std::nullopt;
  if (!situation.table.completed) return known.published_at;
  if (situation.table.write || situation.table.generation != known.generation || !known.published_at) {
    return situation.now;
  }
  // Whatever clock somebody had who wrote it down: from the future, nothing would be overdue.
  return std::min(*known.published_at, situation.now);
}

bool is_overdue(const Situation& situation) {
  const std::optional<WallTime> published = published_at(situation);
  return published && situation.now >= *published + kRetouchAfter;
}

// A role scaled to 0: pods that had a table learn that it is gone. Those that never had one keep waiting at the gate.
bool should_see(const Situation& situation, const Instance& instance, const kube::Pod& pod) {
  if (situation.table.listed.contains(instance)) return true;
  return situation.table.verdict == TableVerdict::kScaledToZero && had_table(pod);
}

bool has_seen(const Situation& situation, const kube::Pod& pod) {
  const auto state = situation.snapshot.deliveries.find(pod.meta.uid);
  return state != situation.snapshot.deliveries.end() && state->second.generation >= situation.table.generation;
}

Touches plan_touches(const Situation& situation) {
  Toucher toucher(situation);
  for (const auto& [slot, pods] : situation.occupancy.slots) {
    if (pods.wanted && pods.occupant != nullptr) toucher.visit(slot.instance, *pods.occupant);
  }
  return toucher.take();
}

}  // namespace pd::plan
