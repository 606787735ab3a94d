// The touch: the annotation that makes kubelet refresh a pod's tables at once, and tells the pod which generation to
// expect. It is level-based: after a write, after a crash between write and touch, and for a replacement that the table
// already lists. A pod that the table does not list is never touched. Thread: pure functions.
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

Touches plan_touches(const Situation& situation);

}  // namespace pd::plan
