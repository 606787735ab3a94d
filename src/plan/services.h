// The Services of a deployment: headless names for its pods, and the entry to its scheduler.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "plan/membership.h"
#include "plan/plan.h"

namespace pd::plan {

std::string pods_service_name(const kube::PDDeployment& deployment);
std::string scheduler_service_name(const kube::PDDeployment& deployment);

// What makes them as they should be. Only what we set is compared and written: addresses, node ports and the like are
// the API server's and other people's. A Service that turns headless, or has been, is made anew, because its address
// can't be changed.
// `scheduler_settled`: the scheduler's pod is what its template says, or will be; until then its entry stays as it is.
std::vector<Action> service_changes(const Snapshot& snapshot, bool scheduler_settled);

}  // namespace pd::plan
