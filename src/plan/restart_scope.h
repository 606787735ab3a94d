// restart.scope: Instance. All pods of an instance that spans several are of one incarnation: where one is replaced,
// the others are replaced too, since its processes only work together. Until all are, no table lists any of them.
// Source of the rules: `restart` in the API documentation. Thread: pure functions.
#pragma once

#include "plan/devices.h"
#include "plan/membership.h"

namespace pd::plan {

bool restarts_as_a_whole(const kube::PDDeployment& deployment, Role role);

// The latest that a pod of the instance has, or is recorded to get.
std::int64_t latest_incarnation(const kube::PDDeployment& deployment, const Occupancy& occupancy,
                                const Instance& instance);

// The incarnation that the next pod of the slot gets, with the others of its instance where they restart together.
Succession next_together(const kube::PDDeployment& deployment, const Occupancy& occupancy, const Slot& slot,
                         const SlotPods& pods);

// Its instance restarts without it: it is to be replaced.
bool is_left_behind(const kube::PDDeployment& deployment, const Occupancy& occupancy, const Slot& slot,
                    const SlotPods& pods);

// Such pods are not placed.
void unplace_left_behind(const kube::PDDeployment& deployment, const Occupancy& occupancy, Placements& placements);

}  // namespace pd::plan
