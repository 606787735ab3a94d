// Which pod fills which slot. A slot is a role, an instance and a pod of it; its occupant is the one pod that is ours
// by owner UID, carries the slot's labels, and is neither terminating nor failed. Everything here goes by UID, never by
// name (invariant S8). Roles that adopt pods are the exception (adopted.h). Thread: pure functions. The results point
// into the snapshot, which must outlive them.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kube/objects.h"
#include "kube/pddeployment.h"
#include "plan/snapshot.h"

namespace pd::plan {

enum class Role { kScheduler, kPrefill, kDecode };
inline constexpr std::array kRoles = {Role::kScheduler, Role::kPrefill, Role::kDecode};

// A number as we write it into labels and annotations: digits only, no leading zero, small enough for all that is
// computed with it.
std::optional<std::int64_t> parse_number(std::string_view text);

std::string_view name_of(Role role);
const kube::RoleSpec& spec_of(const kube::PDDeployment& deployment, Role role);
bool adopts(const kube::PDDeployment& deployment, Role role);  // others make its pods
// The scheduler is one instance of one pod, whatever its spec says.
int wanted_instances(const kube::PDDeployment& deployment, Role role);
int pods_per_instance(const kube::PDDeployment& deployment, Role role);

// In the layouts of PerInstance and OmniK8s, places and counts of one role follow from those of the other: every
// instance is listed or none, and a change of the counts concerns all pods.
bool is_positional(const kube::PDDeployment& deployment);

struct Instance {
  Role role = Role::kScheduler;
  int index = 0;
  auto operator<=>(const Instance&) const = default;
};
std::string name_of(const Instance& instance);  // "prefill-1"; the scheduler's only one is "scheduler"
std::vector<Instance> wanted(const kube::PDDeployment& deployment);  // as the spec counts them

struct Slot {
  Instance instance;
  int pod = 0;
  auto operator<=>(const Slot&) const = default;
};
std::string name_of(const Slot& slot);  // "prefill-1-0", as in status.incarnations
std::optional<Slot> parse_slot(std::string_view name);

// "<deployment>-<role>-<instance>-<pod>": the hostname, and with an incarnation behind it the pod's name.
std::string hostname_of(const std::string& deployment, const Slot& slot);
std::string pod_name(const std::string& deployment, const Slot& slot, std::int64_t incarnation);

bool is_ours(const kube::ObjectMeta& meta, const kube::PDDeployment& deployment);
bool is_dead(const kube::Pod& pod);    // Failed or Succeeded
bool is_ready(const kube::Pod& pod);   // condition Ready
bool had_table(const kube::Pod& pod);  // it was touched: a published table has listed it

struct SlotPods {
  bool wanted = false;
  const kube::Pod* occupant = nullptr;
  std::int64_t incarnation = 0;               // of the occupant
  std::vector<const kube::Pod*> surplus;      // other live pods: a late POST of a former leader
  std::vector<const kube::Pod*> dead;         // failed or succeeded, not yet terminating
  std::vector<const kube::Pod*> terminating;  // whatever their phase
  std::int64_t highest = 0;                   // incarnation of ours that hold a name of this slot
  std::set<std::int64_t> taken;               // incarnations whose names others hold
};

// A living pod of an adopting role that has no slot.
struct NotAdopted {
  const kube::Pod* pod = nullptr;
  std::string reason;  // a clause for people
};

struct Occupancy {
  std::map<Slot, SlotPods> slots;          // all wanted ones, and those beyond the wanted counts that have pods of ours
  std::vector<std::string> foreign_names;  // names of wanted slots that objects of somebody else hold
  std::vector<kube::AdoptedPod> adopted;   // what the status must hold before a table of it is written
  std::vector<NotAdopted> not_adopted;
  const kube::Pod* occupant(const Slot& slot) const;
  // The wanted ones. Of an adopting role there may be more than the spec counts, and other numbers.
  std::vector<Instance> instances() const;
};
Occupancy find_occupants(const Snapshot& snapshot);

// The first instances that do not `serve` of those that are needed: as many of each role as the spec counts.
template <typename Serves>
std::vector<Instance> lacking(const kube::PDDeployment& deployment, const std::vector<Instance>& instances,
                              Serves serves) {
  std::vector<Instance> missing;
  for (const Role role : kRoles) {
    std::vector<Instance> idle;
    int needed = wanted_instances(deployment, role);
    for (const Instance& instance : instances) {
      if (instance.role != role) continue;
      if (serves(instance)) {
        --needed;
      } else {
        idle.push_back(instance);
      }
    }
    if (static_cast<int>(idle.size()) > needed) idle.resize(static_cast<std::size_t>(std::max(needed, 0)));
    missing.insert(missing.end(), idle.begin(), idle.end());
  }
  return missing;
}

// What the status has recorded for a slot; 1 needs no record.
std::int64_t recorded_incarnation(const Slot& slot, const kube::PDDeploymentStatus& status);

// That one, or the next whose name nobody else holds.
std::int64_t first_free(const SlotPods& pods, std::int64_t incarnation);

// The incarnation that the next pod of a slot gets. It is the recorded one while no object has it yet, so that a crash
// between the record and the creation costs no number and two leaders that race for it collide on one name.
struct Succession {
  std::int64_t incarnation = 1;
  bool recorded = true;  // no pod is created before the status holds its incarnation (1 needs no record)
};
Succession next_incarnation(const Slot& slot, const SlotPods& pods, const kube::PDDeploymentStatus& status);

}  // namespace pd::plan
