#include "plan/epoch.h"

#include <algorithm>

#include "base/digest.h"

namespace pd::plan {
namespace {

bool restarts(const kube::PDDeployment& deployment, Role role) {
  return !adopts(deployment, role) && spec_of(deployment, role).on_peer_change == "Restart";
}

std::int64_t epoch_of(const kube::Pod& pod) {
  const std::string text = pod.meta.label(kube::kEpochLabel);
  return parse_number(text).value_or(0);
}

// A layout may list an instance's servers in an order of its own.
std::vector<ranktable::Server> by_address(std::vector<ranktable::Server> servers) {
  std::stable_sort(servers.begin(), servers.end(), [](const auto& a, const auto& b) { return a.ip < b.ip; });
  return servers;
}

// A peer that has started anew has read the table as it was then.
std::string starts_of_peers(const kube::PDDeployment& deployment, const Placements& placements) {
  std::string text;
  for (const auto& [slot, placement] : placements) {
    if (placement.pod == nullptr || !restarts(deployment, slot.instance.role)) continue;
    text.append(placement.pod->meta.uid).append(" ").append(std::to_string(placement.pod->restarts)).append("\n");
  }
  return text;
}

std::string digest_of(const std::vector<ranktable::Server>& servers, std::string text) {
  for (const ranktable::Server& server : by_address(servers)) {
    text.append(server.id).append(" ").append(server.ip);
    for (const ranktable::Device& device : server.devices)
      text.append(" ").append(std::to_string(device.id)).append("=").append(device.ip);
    text.append("\n");
  }
  return sha256(text);
}

std::map<std::string, std::vector<ranktable::Server>> servers_of(const StoredTable& stored) {
  const ranktable::Membership published = membership_of(stored.content);
  std::map<std::string, std::vector<ranktable::Server>> servers;
  for (const auto* instances : {&published.prefill, &published.decode}) {
    for (const ranktable::Instance& instance : *instances) servers.emplace(instance.name, instance.servers);
  }
  if (!published.schedulers.empty()) servers.emplace(name_of(Instance{Role::kScheduler, 0}), published.schedulers);
  return servers;
}

// What is in the published table, against what is there now.
class Comparison {
 public:
  Comparison(const Snapshot& snapshot, const Occupancy& occupancy, const Placements& placements,
             const StoredTable& stored)
      : deployment_(snapshot.deployment), occupancy_(occupancy), placements_(placements), listed_(servers_of(stored)) {}

  std::string first_change() {
    for (const Instance& instance : occupancy_.instances()) {
      const std::string name = name_of(instance);
      const auto listed = listed_.find(name);
      const std::optional<ranktable::Instance> placed = placed_instance(deployment_, placements_, instance);
      if (listed == listed_.end()) {
        if (placed && (is_lost(instance) || !peers_know(*placed))) return name + " is new";
        continue;
      }
      if (placed && by_address(placed->servers) != by_address(listed->second)) return name + " has moved";
      if (!placed && is_lost(instance)) return name + " is lost";
      listed_.erase(listed);
    }
    return listed_.empty() ? "" : listed_.begin()->first + " is removed";
  }

 private:
  // It was left out for a while in which no peer has started anew, and is what it was.
  bool peers_know(const ranktable::Instance& placed) const {
    const std::vector<kube::MissingInstance>& missing = deployment_.status.ranktable.missing;
    const auto known =
        std::find_if(missing.begin(), missing.end(), [&](const auto& each) { return each.instance == placed.name; });
    return known != missing.end() && !known->digest.empty() &&
           known->digest == digest_of(placed.servers, starts_of_peers(deployment_, placements_));
  }

  // A pod that has had a table is the one that the table lists, whatever is not known of it at present.
  bool is_lost(const Instance& instance) const {
    for (int index = 0; index < pods_per_instance(deployment_, instance.role); ++index) {
      const kube::Pod* pod = occupancy_.occupant({instance, index});
      if (pod == nullptr || !had_table(*pod)) return true;
    }
    return false;
  }

  const kube::PDDeployment& deployment_;
  const Occupancy& occupancy_;
  const Placements& placements_;
  std::map<std::string, std::vector<ranktable::Server>> listed_;  // by instance
};

}  // namespace

bool any_restarts(const kube::PDDeployment& deployment) {
  return std::any_of(kRoles.begin(), kRoles.end(), [&](Role role) { return restarts(deployment, role); });
}

std::map<std::string, std::string> digests_of_listed(const kube::PDDeployment& deployment, const Placements& placements,
                                                     const StoredTable& stored) {
  std::map<std::string, std::string> digests;
  if (!any_restarts(deployment) || !stored.completed || stored.epoch != deployment.status.ranktable.epoch) return {};
  const std::string starts = starts_of_peers(deployment, placements);
  for (const auto& [name, servers] : servers_of(stored)) digests.emplace(name, digest_of(servers, starts));
  return digests;
}

std::string reason_to_raise_epoch(const Snapshot& snapshot, const Occupancy& occupancy, const Placements& placements,
                                  const StoredTable& stored) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  if (!any_restarts(deployment) || deployment.paused || !stored.completed) return {};
  // Where somebody has edited it, the ConfigMap is mended first: else no epoch would ever be behind the table's.
  if (!stored.epoch || *stored.epoch < deployment.status.ranktable.epoch) return {};
  const std::string change = Comparison(snapshot, occupancy, placements, stored).first_change();
  return change.empty() ? "" : "The peers are restarted, since " + change + ".";
}

bool is_of_old_epoch(const kube::PDDeployment& deployment, Role role, const kube::Pod& pod, const StoredTable& stored) {
  const std::int64_t epoch = deployment.status.ranktable.epoch;
  return restarts(deployment, role) && stored.epoch && *stored.epoch < epoch && epoch_of(pod) < epoch;
}

std::string lacks_others_than_peers(const kube::PDDeployment& deployment, const Occupancy& occupancy,
                                    const Placements& placements, const StoredTable& stored) {
  if (!is_positional(deployment) || !stored.epoch || *stored.epoch >= deployment.status.ranktable.epoch) return {};
  for (const auto& [slot, placement] : placements) {
    const auto pods = occupancy.slots.find(slot);
    if (placement.server || (pods != occupancy.slots.end() && !pods->second.wanted)) continue;
    if (placement.pod == nullptr || !is_of_old_epoch(deployment, slot.instance.role, *placement.pod, stored))
      return name_of(slot.instance);
  }
  return {};
}

void unplace_old_epochs(const kube::PDDeployment& deployment, const StoredTable& stored, Placements& placements) {
  for (auto& [slot, placement] : placements) {
    if (placement.pod == nullptr || !is_of_old_epoch(deployment, slot.instance.role, *placement.pod, stored)) continue;
    placement.server.reset();
    placement.problem = PlacementProblem::kUnbound;
    placement.reason = "pod " + placement.pod->meta.name + " is restarted, since its peers have changed";
  }
}

}  // namespace pd::plan
