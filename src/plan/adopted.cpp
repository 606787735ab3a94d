#include "plan/adopted.h"

#include <algorithm>
#include <map>
#include <set>

namespace pd::plan {
namespace {

constexpr int kMostInstances = 4096;  // of a role: what anybody may label must not grow without bounds
// A key of a ConfigMap has at most 253 characters.
constexpr std::size_t kLongestName = 253 - std::string_view("local_ranktable_.json").size();
// Workloads make their pods one after the other; only later is it worth a word that some are missing.
constexpr std::chrono::seconds kPatience{10};

constexpr const char* kLeaderWorkerSetLabel = "leaderworkerset.sigs.k8s.io/name";

struct Group {
  std::string value;                   // of instanceLabel
  std::vector<const kube::Pod*> pods;  // oldest first
};

bool is_older(const kube::Pod* a, const kube::Pod* b) {
  return std::make_pair(a->meta.created, a->meta.uid) < std::make_pair(b->meta.created, b->meta.uid);
}

bool comes_first(const Group& a, const Group& b) {
  const std::optional<std::int64_t> left = parse_number(a.value);
  const std::optional<std::int64_t> right = parse_number(b.value);
  if (left && right) return *left < *right;
  return left || right ? left.has_value() : a.value < b.value;
}

// What its controller has to do so that all its pods are there at once.
std::string advice_to_maker(const kube::Pod& pod, const std::string& count) {
  const std::string set = pod.meta.label(kLeaderWorkerSetLabel);
  if (!set.empty()) return "LeaderWorkerSet " + set + " needs startupPolicy: LeaderCreated, and " + count;
  const kube::OwnerReference* owner = pod.meta.controller();
  if (owner != nullptr && owner->kind == "StatefulSet") {
    return "StatefulSet " + owner->name.str() +
           " needs podManagementPolicy: Parallel (create it anew with that, unless it has it), and " + count;
  }
  if (owner != nullptr && owner->kind == "ReplicaSet") return "its Deployment needs " + count;
  return "whoever makes them must make them without waiting for Ready ones, and needs " + count;
}

class Adopter {
 public:
  Adopter(const Snapshot& snapshot, Role role, Occupancy& occupancy)
      : snapshot_(snapshot),
        deployment_(snapshot.deployment),
        spec_(spec_of(snapshot.deployment, role)),
        role_(role),
        wanted_(wanted_instances(snapshot.deployment, role)),
        occupancy_(occupancy) {
    for (const kube::AdoptedPod& entry : deployment_.status.adopted) {
      const std::optional<Slot> slot = parse_slot(entry.slot);
      if (slot && slot->instance.role == role) recorded_.emplace(entry.pod, *slot);
    }
  }

  void adopt() {
    const std::vector<Group> groups = groups_of(candidates());
    const std::map<int, const Group*> places = find_places(groups);
    std::set<int> instances;
    for (const auto& [index, group] : places) instances.insert(index);
    for (int index = 0; static_cast<int>(instances.size()) < wanted_; ++index) instances.insert(index);
    for (const int index : instances) {
      for (int pod = 0; pod < pods_per_instance(deployment_, role_); ++pod) slot({{role_, index}, pod}).wanted = true;
    }
    for (const auto& [index, group] : places) fill({role_, index}, *group);
    record();
  }

 private:
  SlotPods& slot(const Slot& slot) { return occupancy_.slots[slot]; }

  void refuse(const kube::Pod& pod, const std::string& why) { occupancy_.not_adopted.push_back({&pod, why}); }

  // Pods find their tables by their names, among the keys of instances whose pods we make.
  std::string name_problem(const std::string& name) const {
    if (name.size() > kLongestName) return "its name is too long for a key of a ConfigMap";
    const bool host = name == "host" || name == name_of(Role::kScheduler);
    const std::optional<Slot> instance = parse_slot(name + "-0");
    const bool taken =
        (host && role_ != Role::kScheduler) ||
        (instance && instance->instance.role != Role::kScheduler && !adopts(deployment_, instance->instance.role));
    return taken ? "the ConfigMap has keys of that name for another: name its workload differently" : "";
  }

  std::vector<const kube::Pod*> candidates() {
    std::vector<const kube::Pod*> pods;
    for (const kube::Pod& pod : snapshot_.pods) {
      // What names us as its controller is none of somebody else's.
      if (pod.meta.label(kube::kRoleLabel) != name_of(role_) || is_ours(pod.meta, deployment_)) continue;
      if (pod.meta.deleted || is_dead(pod)) continue;
      const std::string problem = name_problem(pod.meta.name);
      if (problem.empty()) {
        pods.push_back(&pod);
      } else {
        refuse(pod, problem);
      }
    }
    std::sort(pods.begin(), pods.end(), is_older);
    return pods;
  }

  std::vector<Group> groups_of(const std::vector<const kube::Pod*>& pods) {
    std::vector<Group> groups;
    const std::string& label = spec_.adopt_instance_label;
    std::map<std::string, std::size_t> known;
    for (const kube::Pod* pod : pods) {
      if (label.empty()) {
        groups.push_back({"", {pod}});
        continue;
      }
      const std::string value = pod->meta.label(label);
      if (value.empty()) {
        refuse(*pod, "it has no label " + label + ", which tells its instance");
        continue;
      }
      const auto [found, is_new] = known.emplace(value, groups.size());
      if (is_new) groups.push_back({value, {}});
      groups[found->second].pods.push_back(pod);
    }
    if (!label.empty()) std::sort(groups.begin(), groups.end(), comes_first);
    return groups;
  }

  // Where it was.
  std::optional<Slot> recorded(const kube::Pod& pod) const {
    const auto known = recorded_.find(pod.meta.name);
    return known == recorded_.end() ? std::nullopt : std::optional(known->second);
  }

  // Where most of its pods were: one whose label somebody changes moves nobody else.
  std::optional<int> recorded_place(const Group& group) const {
    std::map<int, int> pods;  // by place
    for (const kube::Pod* pod : group.pods) {
      if (const std::optional<Slot> known = recorded(*pod)) ++pods[known->instance.index];
    }
    const auto most =
        std::max_element(pods.begin(), pods.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == pods.end() ? std::nullopt : std::optional(most->first);
  }

  std::map<int, const Group*> find_places(const std::vector<Group>& groups) {
    const bool fixed = role_ == Role::kScheduler || is_positional(deployment_);
    const int places = fixed ? wanted_ : kMostInstances;
    std::map<int, const Group*> taken;
    std::vector<const Group*> newcomers;
    for (const Group& group : groups) {
      const std::optional<int> known = recorded_place(group);
      if (!known || *known >= places || !taken.emplace(*known, &group).second) newcomers.push_back(&group);
    }
    int free = 0;
    for (const Group* group : newcomers) {
      while (taken.contains(free)) ++free;
      if (free < places) {
        taken.emplace(free, group);
      } else {
        refuse_surplus(*group->pods.front(), places);
      }
    }
    return taken;
  }

  void refuse_surplus(const kube::Pod& pod, int places) {
    const std::string role(name_of(role_));
    const kube::OwnerReference* owner = pod.meta.controller();
    const std::string surge = owner != nullptr && owner->kind == "ReplicaSet"
                                  ? "set maxSurge: 0 and maxUnavailable: 1 in its Deployment, so that the old pod goes "
                                    "before the new one comes"
                                  : "remove one of them";
    if (places == 0) return refuse(pod, role + ".instances is 0");
    const std::string full =
        places == 1 ? "another pod has the only place" : "other pods have all " + std::to_string(places) + " places";
    refuse(pod, full + " of " + role + ": " + surge +
                    (role_ == Role::kScheduler ? "" : ", or raise " + role + ".instances"));
  }

  // Those that were in this instance before choose first, so that a newcomer takes nobody's place.
  void fill(const Instance& instance, const Group& group) {
    std::vector<const kube::Pod*> newcomers;
    for (const kube::Pod* pod : group.pods) {
      const std::optional<Slot> known = recorded(*pod);
      if (known && known->instance == instance) {
        seat(instance, *pod, known->pod);
      } else {
        newcomers.push_back(pod);
      }
    }
    for (const kube::Pod* pod : newcomers) seat(instance, *pod, std::nullopt);
  }

  void seat(const Instance& instance, const kube::Pod& pod, std::optional<int> index) {
    const int size = pods_per_instance(deployment_, role_);
    const auto is_free = [&](int place) { return slot({instance, place}).occupant == nullptr; };
    const std::string& label = spec_.adopt_pod_index_label;
    if (!label.empty() && size > 1) {
      const std::string text = pod.meta.label(label);
      const std::optional<std::int64_t> number = parse_number(text);
      if (!number || *number >= size) {
        return refuse(pod, "its label " + label + " is \"" + text + "\" and should be a number below " +
                               std::to_string(size) + ", the podsPerInstance");
      }
      index = static_cast<int>(*number);
    } else if (!index || *index >= size || !is_free(*index)) {
      index = 0;
      while (*index < size && !is_free(*index)) ++*index;
    }
    if (*index < size && is_free(*index)) {
      slot({instance, *index}).occupant = &pod;
    } else {
      refuse(pod, "another pod has its place in " + name_of(instance));
    }
  }

  void record() {
    std::set<std::string> seated;
    for (const auto& [slot, pods] : occupancy_.slots) {
      if (slot.instance.role == role_ && pods.occupant != nullptr) seated.insert(pods.occupant->meta.name);
    }
    std::map<Slot, std::string> left;  // by pods that are gone
    for (const auto& [pod, slot] : recorded_) {
      if (!seated.contains(pod)) left.emplace(slot, pod);
    }
    for (const auto& [slot, pods] : occupancy_.slots) {
      if (slot.instance.role != role_ || !pods.wanted) continue;
      const auto gone = left.find(slot);
      if (pods.occupant != nullptr) {
        occupancy_.adopted.push_back({name_of(slot), pods.occupant->meta.name});
      } else if (gone != left.end()) {
        occupancy_.adopted.push_back({name_of(slot), gone->second});
      }
    }
  }

  const Snapshot& snapshot_;
  const kube::PDDeployment& deployment_;
  const kube::RoleSpec& spec_;
  Role role_;
  int wanted_;
  Occupancy& occupancy_;
  std::map<std::string, Slot> recorded_;  // by pod name
};

// The slots of a role, and a pod of it that is held at its gate.
struct Muster {
  int wanted = 0;
  int there = 0;
  const kube::Pod* waiting = nullptr;  // the oldest
};

Muster muster(const Occupancy& occupancy, Role role) {
  Muster found;
  for (const auto& [slot, pods] : occupancy.slots) {
    if (slot.instance.role != role || !pods.wanted) continue;
    ++found.wanted;
    if (pods.occupant == nullptr) continue;
    ++found.there;
    if (pods.occupant->pod_ip.empty() || is_ready(*pods.occupant) || had_table(*pods.occupant)) continue;
    if (found.waiting == nullptr || is_older(pods.occupant, found.waiting)) found.waiting = pods.occupant;
  }
  return found;
}

}  // namespace

void adopt_pods(const Snapshot& snapshot, Role role, Occupancy& occupancy) {
  Adopter(snapshot, role, occupancy).adopt();
}

AdoptionObstacle find_adoption_obstacle(const Snapshot& snapshot, const Occupancy& occupancy, WallTime now) {
  AdoptionObstacle obstacle;
  const auto is_due = [&](const kube::Pod& pod) {
    const WallTime due = pod.meta.created.value_or(now) + kPatience;
    if (due <= now) return true;
    obstacle.due = obstacle.due ? std::min(*obstacle.due, due) : due;
    return false;
  };
  const auto say = [&](const char* reason, std::string message) {
    if (!obstacle.reason.empty()) return;
    obstacle.reason = reason;
    obstacle.message = std::move(message);
  };
  for (const Role role : kRoles) {
    if (!adopts(snapshot.deployment, role)) continue;
    const Muster found = muster(occupancy, role);
    if (found.there == found.wanted || found.waiting == nullptr || !is_due(*found.waiting)) continue;
    const std::string count = std::to_string(found.wanted) + " pods";
    say("PodsMissing", "Pod " + found.waiting->meta.name + " waits at its gate for a table, while " +
                           std::string(name_of(role)) + " has " + std::to_string(found.there) + " of " + count + ": " +
                           advice_to_maker(*found.waiting, count) + ".");
  }
  for (const NotAdopted& one : occupancy.not_adopted) {
    if (is_due(*one.pod))
      say("PodNotAdopted", "Pod " + one.pod->meta.name + " is not adopted, since " + one.reason + ".");
  }
  return obstacle;
}

}  // namespace pd::plan
