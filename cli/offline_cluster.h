// A cluster made of files, in which the planner works for one PDDeployment as it would for the operator: its tables,
// touches, Services and budgets take effect, and time passes while it waits; pods are neither made nor deleted.
// Thread: plain values.
#pragma once

#include <vector>

#include "plan/plan.h"

namespace pd::cli {

// `objects`: a PDDeployment and what there is in its cluster: Nodes, Pods, its ConfigMap, Services; others are left
// out. The deployment counts as a new one where its ConfigMap is not among them. A pod without ownerReferences counts
// as made by the operator, unless its role adopts pods.
Result<plan::Snapshot> offline_snapshot(const std::vector<Json>& objects, const plan::Settings& settings);

// Until the planner has nothing more to do and to wait for, from `now` on. The snapshot is then what that ends at, and
// the answer what is still to be done with pods.
plan::Plan settle(plan::Snapshot& snapshot, WallTime now);

}  // namespace pd::cli
