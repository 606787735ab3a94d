// The Kubernetes objects that the programs know, reduced to what they use. Decoded from the API's JSON
// (resource.h). Thread: plain values; a store shares them as shared_ptr<const T>.
#pragma once

#include <boost/container/flat_map.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "kube/text.h"

namespace pd::kube {

// One sorted array: a cache of 10,000 pods holds 80,000 labels, and a tree would pay 48 bytes more for each.
template <typename Value>
using SmallMap = boost::container::flat_map<Text, Value, Text::Less>;
using TextMap = SmallMap<Text>;

struct OwnerReference {
  Text kind;
  Text name;
  Text uid;
};

struct ObjectMeta {
  Text ns;
  std::string name;
  Text uid;
  std::string resource_version;
  std::int64_t generation = 0;
  TextMap labels;
  TextMap annotations;                  // those of the operator's world alone
  std::optional<OwnerReference> owner;  // the one that is its controller; others are not kept
  std::optional<WallTime> created;
  std::optional<WallTime> deleted;  // deletionTimestamp: the object is terminating

  const OwnerReference* controller() const { return owner ? &*owner : nullptr; }
  const std::string& label(std::string_view key) const;       // empty when it is not there
  const std::string& annotation(std::string_view key) const;  // likewise
  std::string key() const { return ns.empty() ? name : ns + "/" + name; }
};

struct Pod {
  ObjectMeta meta;
  Text node;    // spec.nodeName
  Text phase;   // Pending, Running, Succeeded, Failed, Unknown
  Text reason;  // status.reason: Evicted, NodeLost, UnexpectedAdmissionError, ...
  Text message;
  Text unscheduled;  // why the scheduler has no node for it, in its words; empty once it has one
  std::string pod_ip;
  Text host_ip;
  bool host_network = false;
  bool ready = false;          // condition Ready
  SmallMap<int> npu_requests;  // extended resources in the limits of its containers, summed: name -> count
  int restarts = 0;            // over its main containers
  int gate_port = 0;           // of the sidecar that tells what it sees; 0: it has none
  Text gate_waiting;           // why that one's container does not run: ImagePullBackOff, CrashLoopBackOff, ...
};

// metadata of a Node; nothing else of it is watched.
struct Node {
  ObjectMeta meta;
};

struct ConfigMap {
  ObjectMeta meta;
  SmallMap<std::string> data;  // of a hundred tables, most keys are the same
};

struct ServicePort {
  std::string name;
  std::string protocol;
  int port = 0;
  std::string target;  // a number, or the name of a container's port
  bool operator==(const ServicePort&) const = default;
};

struct ServiceSpec {
  bool headless = false;  // clusterIP: None
  bool publish_not_ready = false;
  TextMap selector;
  std::vector<ServicePort> ports;
};

struct Service {
  ObjectMeta meta;
  ServiceSpec spec;
};

struct PodDisruptionBudget {
  ObjectMeta meta;
  std::optional<int> min_available;  // in pods; nothing where it says something else
  TextMap selector;                  // its matchLabels
};

struct Condition {
  std::string type;
  std::string status;  // True, False, Unknown
  std::string reason;
  std::string message;
  std::optional<WallTime> since;  // lastTransitionTime
  std::int64_t observed_generation = 0;
  bool operator==(const Condition&) const = default;
};

// metav1.MicroTime, the times of leases and events: "2026-11-24T06:34:56.000000Z". `fraction`: below a second.
std::string format_micro_time(WallTime time, std::chrono::microseconds fraction = {});

}  // namespace pd::kube
