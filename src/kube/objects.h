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
  bool controller = false;
};

struct ObjectMeta {
  std::string ns;
  std::string name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  TextMap labels;
  TextMap annotations;  // those of the operator's world alone
  std::vector<OwnerReference> owners;
  std::optional<WallTime> created;
  std::optional<WallTime> deleted;  // deletionTimestamp: the object is terminating

  const OwnerReference* controller() const;
  const std::string& label(std::string_view key) const;       // empty when it is not there
  const std::string& annotation(std::string_view key) const;  // likewise
  std::string key() const { return ns.empty() ? name : ns + "/" + name; }
};

struct Pod {
  ObjectMeta meta;
  std::string node;  // spec.nodeName
  bool host_network = false;
  std::string phase;   // Pending, Running, Succeeded, Failed, Unknown
  std::string reason;  // status.reason: Evicted, NodeLost, UnexpectedAdmissionError, ...
  std::string message;
  Text unscheduled;  // why the scheduler has no node for it, in its words; empty once it has one
  std::string pod_ip;
  std::string host_ip;
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
  std::map<std::string, std::string> data;
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
