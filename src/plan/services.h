// The Services of a deployment: headless names for its pods, and the entry to its scheduler.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "plan/membership.h"
#include "plan/snapshot.h"

namespace pd::plan {

std::string pods_service_name(const kube::PDDeployment& deployment);
std::string scheduler_service_name(const kube::PDDeployment& deployment);

// Those that are not there yet.
std::vector<Json> missing_services(const Snapshot& snapshot);
// Names that Services of somebody else hold.
std::vector<std::string> foreign_services(const Snapshot& snapshot);

}  // namespace pd::plan
