// The containers of pd-gate that we inject: `watch`, a native sidecar that follows the tables, and `wait`, which holds
// the pod until its table is there and right.
// Thread: pure functions.
#pragma once

#include "plan/membership.h"
#include "plan/snapshot.h"

namespace pd::plan {

inline constexpr std::string_view kGateWaitContainer = "pd-gate-wait";  // the other one is kube::kGateWatchContainer

// In the order in which they start; empty when the gate is off. `spec` is the pod's, for its users and groups.
Json gate_containers(const Settings& settings, const kube::PDDeployment& deployment, const Slot& slot,
                     const Json& spec);

// Why the pod of that slot has no port for its sidecar; empty where it has. Of a role, the last slot has the highest.
std::string port_problem(const kube::PDDeployment& deployment, const Slot& slot, const Json& spec);

}  // namespace pd::plan
