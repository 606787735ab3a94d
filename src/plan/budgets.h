// The PodDisruptionBudgets of a deployment's roles: how many of their pods an eviction leaves.
// Thread: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/membership.h"
#include "plan/plan.h"

namespace pd::plan {

// What the spec says; nothing for a role that adopts its pods.
std::optional<int> budget_of(const kube::PDDeployment& deployment, Role role);
std::string budget_name(const kube::PDDeployment& deployment, Role role);

// What makes them as they should be; one that the spec does not want any more is deleted.
std::vector<Action> budget_changes(const Snapshot& snapshot);

}  // namespace pd::plan
