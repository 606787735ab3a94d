// The touch: the annotation that makes kubelet refresh a pod's tables at once, and tells the pod which generation to
// expect. It is level-based: after a write, after a crash between write and touch, and for a replacement that the table
// already lists. A pod that has not confirmed after five seconds, or cannot, is touched once more. A pod that the table
// does not list is never touched. Thread: pure functions.
#pragma once

#include <optional>
#include <vector>

#include "plan/plan.h"
#include "plan/situation.h"

namespace pd::plan {

struct Touches {
  std::vector<TouchPod> pods;
  std::optional<WallTime> due;  // when the second touch is
};

// When the generation that the ConfigMap holds after this plan was published.
std::optional<WallTime> published_at(const Situation& situation);

// Since then kubelet has had the time that it takes to bring the files into the pods.
bool is_overdue(const Situation& situation);

// Whether the tables are for this pod: it is listed, or had a table that is withdrawn.
bool should_see(const Situation& situation, const Instance& instance, const kube::Pod& pod);
// Its sidecar has told that it sees what the ConfigMap holds.
bool has_seen(const Situation& situation, const kube::Pod& pod);

Touches plan_touches(const Situation& situation);

}  // namespace pd::plan
