#include "plan/restart_scope.h"

#include <algorithm>

namespace pd::plan {
namespace {

template <typename Visit>
void for_each_slot(const kube::PDDeployment& deployment, const Occupancy& occupancy, const Instance& instance,
                   Visit visit) {
  for (int pod = 0; pod < pods_per_instance(deployment, instance.role); ++pod) {
    const auto found = occupancy.slots.find({instance, pod});
    if (found != occupancy.slots.end()) visit(found->first, found->second);
  }
}

// A pod is missing where others have had a table, and no restart is under way: the instance has to start anew.
bool has_lost_a_pod(const kube::PDDeployment& deployment, const Occupancy& occupancy, const Instance& instance) {
  const std::int64_t latest = latest_incarnation(deployment, occupancy, instance);
  bool missing = false;
  bool started = false;
  bool same = true;
  for_each_slot(deployment, occupancy, instance, [&](const Slot& /*slot*/, const SlotPods& pods) {
    if (pods.occupant == nullptr) {
      missing = true;
      return;
    }
    same = same && pods.incarnation == latest;
    started = started || had_table(*pods.occupant);
  });
  return missing && started && same;
}

}  // namespace

bool restarts_as_a_whole(const kube::PDDeployment& deployment, Role role) {
  return !adopts(deployment, role) && pods_per_instance(deployment, role) > 1 &&
         spec_of(deployment, role).restart_scope != "Pod";
}

std::int64_t latest_incarnation(const kube::PDDeployment& deployment, const Occupancy& occupancy,
                                const Instance& instance) {
  std::int64_t latest = 1;
  for_each_slot(deployment, occupancy, instance, [&](const Slot& slot, const SlotPods& pods) {
    latest = std::max({latest, pods.incarnation, recorded_incarnation(slot, deployment.status)});
  });
  return latest;
}

Succession next_together(const kube::PDDeployment& deployment, const Occupancy& occupancy, const Slot& slot,
                         const SlotPods& pods) {
  const Succession alone = next_incarnation(slot, pods, deployment.status);
  if (!restarts_as_a_whole(deployment, slot.instance.role)) return alone;
  const bool anew = has_lost_a_pod(deployment, occupancy, slot.instance);
  const std::int64_t latest = latest_incarnation(deployment, occupancy, slot.instance);
  const std::int64_t together = first_free(pods, latest + (anew ? 1 : 0));
  if (alone.incarnation >= together) return alone;
  return {together, recorded_incarnation(slot, deployment.status) >= together};
}

bool is_left_behind(const kube::PDDeployment& deployment, const Occupancy& occupancy, const Slot& slot,
                    const SlotPods& pods) {
  return pods.wanted && pods.occupant != nullptr && restarts_as_a_whole(deployment, slot.instance.role) &&
         pods.incarnation < latest_incarnation(deployment, occupancy, slot.instance);
}

void unplace_left_behind(const kube::PDDeployment& deployment, const Occupancy& occupancy, Placements& placements) {
  for (auto& [slot, placement] : placements) {
    const auto pods = occupancy.slots.find(slot);
    if (pods == occupancy.slots.end() || !is_left_behind(deployment, occupancy, slot, pods->second)) continue;
    placement.server.reset();
    placement.problem = PlacementProblem::kUnbound;
    placement.reason = "pod " + placement.pod->meta.name + " is restarted with the others of " + name_of(slot.instance);
  }
}

}  // namespace pd::plan
