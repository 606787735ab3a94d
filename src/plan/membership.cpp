#include "plan/membership.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "plan/adopted.h"

namespace pd::plan {
namespace {

std::optional<int> parse_index(std::string_view text) {
  const std::optional<std::int64_t> value = parse_number(text);
  if (!value || *value > 100000) return std::nullopt;
  return static_cast<int>(*value);
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : kRoles) {
    if (name_of(role) == text) return role;
  }
  return std::nullopt;
}

std::optional<Slot> slot_of_labels(const kube::ObjectMeta& meta) {
  const std::optional<Role> role = parse_role(meta.label(kube::kRoleLabel));
  const std::optional<int> instance = parse_index(meta.label(kube::kInstanceLabel));
  const std::optional<int> pod = parse_index(meta.label(kube::kPodIndexLabel));
  if (!role || !instance || !pod) return std::nullopt;
  return Slot{{*role, *instance}, *pod};
}

struct ParsedName {
  Slot slot;
  std::int64_t incarnation = 0;
};

// "<deployment>-<role>-<instance>-<pod>-<incarnation>", read from the right.
std::optional<ParsedName> parse_pod_name(const std::string& deployment, std::string_view name) {
  if (!name.starts_with(deployment + "-")) return std::nullopt;
  name.remove_prefix(deployment.size() + 1);
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<Slot> slot = parse_slot(name.substr(0, dash));
  const std::optional<std::int64_t> incarnation = parse_number(name.substr(dash + 1));
  if (!slot || !incarnation) return std::nullopt;
  return ParsedName{*slot, *incarnation};
}

// A name that an object holds cannot be given to a new pod, whoever owns the object. Others' numbers are passed over,
// and no more: they may be as high as a number can be.
void note_name(const std::string& deployment, const std::string& name, bool foreign, Occupancy& occupancy) {
  const std::optional<ParsedName> parsed = parse_pod_name(deployment, name);
  if (!parsed) return;
  const auto found = occupancy.slots.find(parsed->slot);
  if (found == occupancy.slots.end()) return;
  if (foreign) {
    found->second.taken.insert(parsed->incarnation);
  } else {
    found->second.highest = std::max(found->second.highest, parsed->incarnation);
  }
  if (foreign && found->second.wanted) occupancy.foreign_names.push_back(name);
}

// Of several live pods the highest incarnation stays: a pod that an older plan created late has a lower one.
void settle_occupant(const std::string& deployment, std::vector<const kube::Pod*> live, SlotPods& pods) {
  const auto incarnation = [&](const kube::Pod* pod) {
    const std::optional<ParsedName> parsed = parse_pod_name(deployment, pod->meta.name);
    return parsed ? parsed->incarnation : 0;
  };
  std::sort(live.begin(), live.end(), [&](const kube::Pod* a, const kube::Pod* b) {
    return std::make_pair(incarnation(a), a->meta.uid) > std::make_pair(incarnation(b), b->meta.uid);
  });
  if (live.empty()) return;
  pods.occupant = live.front();
  pods.incarnation = incarnation(live.front());
  pods.surplus.assign(live.begin() + 1, live.end());
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) {
  if (text.empty() || text.size() > 15) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  if (std::to_string(value) != text) return std::nullopt;
  return value;
}

std::string_view name_of(Role role) {
  switch (role) {
    case Role::kScheduler:
      return "scheduler";
    case Role::kPrefill:
      return "prefill";
    case Role::kDecode:
      return "decode";
  }
  return "";
}

const kube::RoleSpec& spec_of(const kube::PDDeployment& deployment, Role role) {
  if (role == Role::kScheduler) return deployment.scheduler;
  return role == Role::kPrefill ? deployment.prefill : deployment.decode;
}

bool adopts(const kube::PDDeployment& deployment, Role role) { return spec_of(deployment, role).adopt; }

int wanted_instances(const kube::PDDeployment& deployment, Role role) {
  return role == Role::kScheduler ? 1 : std::clamp(spec_of(deployment, role).instances, 0, 100000);
}

int pods_per_instance(const kube::PDDeployment& deployment, Role role) {
  return role == Role::kScheduler ? 1 : std::clamp(spec_of(deployment, role).pods_per_instance, 1, 1000);
}

std::string name_of(const Instance& instance) {
  const std::string role(name_of(instance.role));
  return instance.role == Role::kScheduler ? role : role + "-" + std::to_string(instance.index);
}

std::vector<Instance> wanted(const kube::PDDeployment& deployment) {
  std::vector<Instance> instances;
  for (const Role role : kRoles) {
    for (int i = 0; i < wanted_instances(deployment, role); ++i) instances.push_back({role, i});
  }
  return instances;
}

std::string name_of(const Slot& slot) {
  return std::string(name_of(slot.instance.role)) + "-" + std::to_string(slot.instance.index) + "-" +
         std::to_string(slot.pod);
}

std::optional<Slot> parse_slot(std::string_view name) {
  const std::size_t first = name.find('-');
  const std::size_t last = name.rfind('-');
  if (first == last) return std::nullopt;
  const std::optional<Role> role = parse_role(name.substr(0, first));
  const std::optional<int> instance = parse_index(name.substr(first + 1, last - first - 1));
  const std::optional<int> pod = parse_index(name.substr(last + 1));
  if (!role || !instance || !pod) return std::nullopt;
  return Slot{{*role, *instance}, *pod};
}

std::string hostname_of(const std::string& deployment, const Slot& slot) { return deployment + "-" + name_of(slot); }

std::string pod_name(const std::string& deployment, const Slot& slot, std::int64_t incarnation) {
  return hostname_of(deployment, slot) + "-" + std::to_string(incarnation);
}

bool is_positional(const kube::PDDeployment& deployment) {
  return deployment.ranktable.profile == "PerInstance" || deployment.ranktable.profile == "OmniK8s";
}

bool is_ours(const kube::ObjectMeta& meta, const kube::PDDeployment& deployment) {
  const kube::OwnerReference* owner = meta.controller();
  return owner != nullptr && !owner->uid.empty() && owner->uid == deployment.meta.uid;
}

bool is_dead(const kube::Pod& pod) { return pod.phase == "Failed" || pod.phase == "Succeeded"; }

bool is_ready(const kube::Pod& pod) { return pod.ready; }

bool had_table(const kube::Pod& pod) { return !pod.meta.annotation(kube::kPodGenerationAnnotation).empty(); }

const kube::Pod* Occupancy::occupant(const Slot& slot) const {
  const auto found = slots.find(slot);
  return found == slots.end() ? nullptr : found->second.occupant;
}

std::vector<Instance> Occupancy::instances() const {
  std::vector<Instance> wanted;
  for (const auto& [slot, pods] : slots) {
    if (pods.wanted && (wanted.empty() || wanted.back() != slot.instance)) wanted.push_back(slot.instance);
  }
  return wanted;
}

Occupancy find_occupants(const Snapshot& snapshot) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const std::string& name = deployment.meta.name;
  Occupancy occupancy;
  for (const Instance& instance : wanted(deployment)) {
    if (adopts(deployment, instance.role)) continue;
    for (int pod = 0; pod < pods_per_instance(deployment, instance.role); ++pod) {
      occupancy.slots[{instance, pod}].wanted = true;
    }
  }
  std::map<Slot, std::vector<const kube::Pod*>> live;
  for (const kube::Pod& pod : snapshot.pods) {
    const std::optional<Slot> slot = slot_of_labels(pod.meta);
    // A pod whose labels somebody rewrote does not match the selector any more: it is left alone, like a foreign one.
    if (!slot || !is_ours(pod.meta, deployment) || !pod.meta.name.starts_with(hostname_of(name, *slot) + "-")) continue;
    if (adopts(deployment, slot->instance.role)) continue;
    SlotPods& pods = occupancy.slots[*slot];
    if (pod.meta.deleted) {
      pods.terminating.push_back(&pod);
    } else if (is_dead(pod)) {
      pods.dead.push_back(&pod);
    } else {
      live[*slot].push_back(&pod);
    }
  }
  for (auto& [slot, pods] : live) settle_occupant(name, std::move(pods), occupancy.slots[slot]);
  for (const kube::Pod& pod : snapshot.pods) {
    note_name(name, pod.meta.name, !is_ours(pod.meta, deployment), occupancy);
  }
  for (const std::string& taken : snapshot.taken_pod_names) note_name(name, taken, true, occupancy);
  for (const Role role : kRoles) {
    if (adopts(deployment, role)) adopt_pods(snapshot, role, occupancy);
  }
  std::sort(occupancy.adopted.begin(), occupancy.adopted.end());
  return occupancy;
}

std::int64_t recorded_incarnation(const Slot& slot, const kube::PDDeploymentStatus& status) {
  const std::string name = name_of(slot);
  std::int64_t recorded = 1;
  for (const kube::Incarnation& entry : status.incarnations) {
    if (entry.slot == name) recorded = std::max(recorded, entry.last);
  }
  return recorded;
}

std::int64_t first_free(const SlotPods& pods, std::int64_t incarnation) {
  while (pods.taken.contains(incarnation)) ++incarnation;
  return incarnation;
}

Succession next_incarnation(const Slot& slot, const SlotPods& pods, const kube::PDDeploymentStatus& status) {
  const std::int64_t recorded = recorded_incarnation(slot, status);
  const std::int64_t next = first_free(pods, std::max(pods.highest + 1, recorded));
  return {next, next == recorded};
}

}  // namespace pd::plan
