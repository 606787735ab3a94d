#include "plan/situation.h"

#include <algorithm>

#include "plan/epoch.h"
#include "plan/restart_scope.h"

namespace pd::plan {
namespace {

// While its predecessor gives up the NPUs that it is to have, a pod is unscheduled for a moment. To tell that, too,
// would be a write of the status.
constexpr std::chrono::seconds kUnscheduledAfter{10};

void add_words_of_scheduler(Situation& situation) {
  for (auto& [slot, placement] : situation.placements) {
    if (placement.pod == nullptr || placement.pod->unscheduled.empty()) continue;
    const WallTime due = placement.pod->meta.created.value_or(WallTime()) + kUnscheduledAfter;
    if (due <= situation.now) {
      placement.reason += ": " + placement.pod->unscheduled.str();
    } else {
      situation.unscheduled_due = std::min(due, situation.unscheduled_due.value_or(due));
    }
  }
}

void note_hashes_as_listed(Situation& situation) {
  const bool kept = situation.stored.completed && situation.table.verdict == TableVerdict::kInstanceLost;
  const std::vector<Instance> instances = wanted(situation.deployment());
  const auto outdated = [&](const Instance& instance) { return situation.outdated(instance); };
  if (!kept || !is_positional(situation.deployment()) || std::none_of(instances.begin(), instances.end(), outdated))
    return;
  const ranktable::Membership listed = membership_of(situation.stored.content);
  kube::PDDeployment as_listed = situation.deployment();
  as_listed.prefill.instances = static_cast<int>(listed.prefill.size());
  as_listed.decode.instances = static_cast<int>(listed.decode.size());
  for (const Role role : kRoles) situation.hashes_as_listed[role] = template_hash(as_listed, role);
}

}  // namespace

bool Situation::ready(const Instance& instance) const {
  for (int pod = 0; pod < pods_per_instance(deployment(), instance.role); ++pod) {
    const kube::Pod* occupant = occupancy.occupant({instance, pod});
    if (occupant == nullptr || !is_ready(*occupant)) return false;
  }
  return true;
}

bool Situation::outdated(const Instance& instance) const {
  if (adopts(deployment(), instance.role)) return false;
  for (int pod = 0; pod < pods_per_instance(deployment(), instance.role); ++pod) {
    const kube::Pod* occupant = occupancy.occupant({instance, pod});
    if (occupant != nullptr && outdated(instance.role, *occupant)) return true;
  }
  return false;
}

bool Situation::outdated(Role role, const kube::Pod& pod) const {
  return is_outdated(pod, hashes.at(role)) || is_of_another_group(pod, deployment(), role);
}

bool Situation::available(const Instance& instance) const {
  return ready(instance) && (!table.completed || table.listed.contains(instance));
}

std::string Situation::frozen() const {
  if (table.verdict == TableVerdict::kNameTaken || table.verdict == TableVerdict::kProfileUnsupported) {
    return table.message;
  }
  return deployment().paused ? "The deployment is paused: its pods are not changed." : "";
}

Situation assess(const Snapshot& snapshot, WallTime now) {
  Situation situation{snapshot, now, find_occupants(snapshot), {}, read_stored(snapshot), {}, {}, {}, {}, {}, {}, {},
                      {},       {}};
  situation.placements = place(snapshot, situation.occupancy);
  add_words_of_scheduler(situation);
  situation.raise_epoch = reason_to_raise_epoch(snapshot, situation.occupancy, situation.placements, situation.stored);
  situation.lacking =
      lacks_others_than_peers(snapshot.deployment, situation.occupancy, situation.placements, situation.stored);
  if (situation.lacking.empty()) unplace_old_epochs(snapshot.deployment, situation.stored, situation.placements);
  unplace_left_behind(snapshot.deployment, situation.occupancy, situation.placements);
  situation.table = decide_table(snapshot, situation.placements, situation.stored, now);
  // Peers are restarted for the sake of a table that they then read.
  if (situation.table.verdict == TableVerdict::kRejected || situation.table.verdict == TableVerdict::kTooLarge ||
      situation.table.would_be_too_large)
    situation.raise_epoch.clear();
  situation.adoption = find_adoption_obstacle(snapshot, situation.occupancy, now);
  for (const Role role : kRoles) {
    situation.templates[role] = check_template(snapshot, role);
    situation.hashes[role] = template_hash(snapshot.deployment, role);
  }
  note_hashes_as_listed(situation);
  situation.dry_runs = dry_run_targets(snapshot, situation.templates, situation.hashes);
  add_answers(snapshot, situation.dry_runs, situation.templates);
  return situation;
}

}  // namespace pd::plan
