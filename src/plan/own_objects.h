// What the planner's rules for Services and PodDisruptionBudgets have in common: names that somebody else may hold, and
// patches of what is ours. Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace pd::plan {

// "Service qwen-pods": objects of somebody else under a name that we would use. They are left alone.
std::vector<std::string> foreign_objects(const Snapshot& snapshot);

// Ours, and neither gone nor going: a patch of it makes sense.
bool is_kept(const kube::ObjectMeta& meta, const kube::PDDeployment& deployment);

// In a merge patch: these labels and no others.
Json exactly(const Json& labels, const kube::TextMap& there);
// Whether they are just these.
bool are_exactly(const Json& labels, const kube::TextMap& there);

PatchObject patch_of(const kube::ObjectMeta& meta, std::string kind, const Json& object, Json spec);

}  // namespace pd::plan
