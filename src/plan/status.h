// What the deployment's status says once a plan is carried out, and the events that its transitions are worth.
// Conditions are always written in full, in a fixed order; a message is one sentence that a person can act on. Thread:
// pure functions.
#pragma once

#include <vector>

#include "plan/plan.h"
#include "plan/rollout.h"
#include "plan/situation.h"

namespace pd::plan {

kube::PDDeploymentStatus next_status(const Situation& situation, const Rollout& rollout);

// What is there, with the next epoch.
kube::PDDeploymentStatus raised_status(const Situation& situation);
// What is there, with what must be stored before the ConfigMap is written: its generation, and the places of adopted
// pods in it.
kube::PDDeploymentStatus reserved_status(const Situation& situation);
// The places are stored.
bool has_places(const Situation& situation);

// Whether two statuses say the same; conditions of others and the order of lists do not count.
bool same_status(const kube::PDDeploymentStatus& a, const kube::PDDeploymentStatus& b);

// Events of the places that adopted pods get.
std::vector<EmitEvent> adoption_events(const Situation& situation);
// Events of what the status tells for the first time.
std::vector<EmitEvent> transition_events(const Situation& situation, const kube::PDDeploymentStatus& next);

}  // namespace pd::plan
