// What the spec of a pod needs so that its containers see their tables: the volume, the environment and the gate's
// containers. The same for a pod that we make and for the template of a role that is adopted, but for one thing: pods
// of one template know no slot, so each finds its own table by its name. Source of the rules: sections 1 to 3 of the
// API documentation. Thread: pure functions.
#pragma once

#include <string>

#include "plan/membership.h"
#include "plan/snapshot.h"

namespace pd::plan {

inline constexpr const char* kPodNameVariable = "POD_NAME";  // of adopted pods

// The file with a pod's own table. Of an adopted role Kubernetes puts the pod's name in; the container needs
// kPodNameVariable for that.
std::string local_file(const kube::PDDeployment& deployment, Role role);

// The template that `spec` is of must have been checked (template_problem()). Of an adopted role any slot will do.
void equip(const Settings& settings, const kube::PDDeployment& deployment, const Slot& slot, Json& spec);

}  // namespace pd::plan
