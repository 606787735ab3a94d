// The planner: what to do next for one PDDeployment. A pure function: no I/O, no clock but its argument, the same
// answer for the same snapshot. All policy of the operator is in this layer:
//   membership  which pod fills which slot, and which are surplus
//   adopted     the same for pods that somebody else makes
//   devices     which NPUs a pod has, and how we know
//   table       the ranktable's content, generation and ConfigMap
//   pods        what a pod, a Service and the injected gate look like
//   rollout     what is created, replaced and removed, and when
//   status      conditions, counters and events
// Thread: pure.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "plan/snapshot.h"

namespace pd::plan {

// Whole objects are ready to send: apiVersion, kind, metadata and all.
struct CreateConfigMap {
  Json object;
};  // POST; the initializing table
struct ReplaceConfigMap {
  Json object;
};  // PUT with metadata.resourceVersion: a late write of a former leader must fail
// The others (Services, PodDisruptionBudgets), by their kinds' names.
struct CreateObject {
  Json object;
};  // POST
// A merge patch, made only while the object has this uid and resourceVersion.
struct PatchObject {
  std::string kind;
  std::string name;
  std::string uid;
  std::string resource_version;
  Json patch;
};
struct DeleteObject {
  std::string kind;
  std::string name;
  std::string uid;
  std::string resource_version;
};
struct CreatePod {
  Json object;
};  // POST; the name is deterministic
// Sets annotations of a pod, only while it has this uid and resourceVersion.
struct TouchPod {
  std::string name;
  std::string uid;
  std::string resource_version;
  std::map<std::string, std::string> annotations;
};
struct DeletePod {
  std::string name;
  std::string uid;
  std::string resource_version;
};
// Apply on the status subresource, carrying the resourceVersion of the deployment that was planned for.
struct WriteStatus {
  kube::PDDeploymentStatus status;
};
struct EmitEvent {
  bool warning = false;
  std::string reason;                   // CamelCase, from the list in the API documentation
  std::string action;                   // what was done or tried, CamelCase
  std::string note;                     // one sentence
  std::optional<kube::ObjectMeta> pod;  // the pod it is about; without one it is about the deployment
};

using Action = std::variant<CreateConfigMap, ReplaceConfigMap, CreateObject, PatchObject, DeleteObject, CreatePod,
                            TouchPod, DeletePod, WriteStatus, EmitEvent>;

// A pod that should see a generation of the tables, and whom to ask whether it does.
struct DeliveryTarget {
  kube::Text uid;
  std::string address;
  std::uint16_t port = 0;
  std::int64_t generation = 0;
  bool operator==(const DeliveryTarget&) const = default;
};

// A pod as it would be made from a role's template, for the API server to judge. Templates with the same key are judged
// alike.
struct DryRunTarget {
  std::string role;
  std::string key;
  Json pod;             // null where it is proven, and no refusal is known
  bool proven = false;  // a pod of this template is there: it need not be tried unless another one was refused
};

// How long a plan may be put off that does nothing but tell, by a status and events.
enum class Haste {
  kNone,  // it says how far a pod has come
  kSoon,  // it turns Ready or Available, for which people and scripts wait, or begins the grace of a lost instance
  kNow,   // other steps wait for what it writes
};

struct Plan {
  std::vector<Action> actions;                  // executed in order; a table or status that fails ends it
  std::vector<DeliveryTarget> deliveries;       // all that should confirm what the plan leaves behind
  std::vector<DryRunTarget> dry_runs;           // of all roles whose pods could be made
  std::map<std::string, std::string> rejected;  // pods (by UID) whose NPUs are refused, and the reason
  std::optional<Duration> requeue_after;        // when something is due with no change to be seen
  Haste haste = Haste::kNone;
};

// Never fails: what is wrong with the deployment ends up in its conditions.
Plan plan(const Snapshot& snapshot, WallTime now);

}  // namespace pd::plan
