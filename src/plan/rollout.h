// Which pods are created and deleted now: missing ones, dead ones, outdated ones within maxUnavailable, those beyond
// the wanted counts once no table lists them (invariants S6, S10, S11). A pod that fails again and again is replaced
// with growing delays. Thread: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "plan/situation.h"

namespace pd::plan {

struct NewPod {
  Slot slot;
  std::int64_t incarnation = 1;
};

struct Rollout {
  std::vector<const kube::Pod*> deletes;
  std::vector<NewPod> creates;                   // the first of them, where there are many
  std::vector<kube::Incarnation> incarnations;   // what the status must hold before the creates
  std::vector<kube::InstanceRestarts> restarts;  // likewise
  std::optional<WallTime> due;                   // when a delayed replacement or a reset is due
  std::string reason;                            // what is under way, CamelCase; empty when nothing is
  std::string message;                           // one sentence
};

Rollout plan_rollout(const Situation& situation);

}  // namespace pd::plan
