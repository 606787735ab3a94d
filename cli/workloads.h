// The manifests of workloads that make pods: where their pod templates are, and what must be so in them for gated pods.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace pd::cli {

struct PodTemplate {
  std::string place;  // JSON pointer into the workload; empty: the object is a Pod itself
  std::string part;   // the name of the task or role that it is of, where a workload has several
};

// Empty for kinds that make no pods, or none that can be adopted.
std::vector<PodTemplate> pod_templates(const Json& workload);

// Pods wait at the gate, and are not Ready, until all of them are there: a workload must not wait for one to be Ready
// before it makes the next. `places_are_fixed`: neither may there be more of them than wanted.
void let_pods_wait_together(Json& workload, bool places_are_fixed);

inline constexpr const char* kWorkloadKinds =
    "Deployment, StatefulSet, LeaderWorkerSet, Volcano Job, kthena ModelServing and Pod";

}  // namespace pd::cli
