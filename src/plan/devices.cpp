#include "plan/devices.h"

#include <algorithm>
#include <set>

#include "base/address.h"
#include "npu/inventory.h"

namespace pd::plan {
namespace {

// A node's two annotations, parsed once however many pods are on it.
struct NodeNpus {
  PlacementProblem problem = PlacementProblem::kNone;
  std::string reason;
  npu::Inventory inventory;
  npu::Allocations allocations;
};

NodeNpus failed(PlacementProblem problem, std::string reason) { return {problem, std::move(reason), {}, {}}; }

NodeNpus read_node(const std::string& name, const NodeAnnotations* annotations) {
  if (annotations == nullptr || annotations->inventory.empty() || annotations->allocations.empty()) {
    const bool no_inventory = annotations == nullptr || annotations->inventory.empty();
    return failed(PlacementProblem::kNodeSilent,
                  "node " + name + " has no annotation " +
                      std::string(no_inventory ? npu::kInventoryAnnotation : npu::kAllocationsAnnotation) +
                      ": is pd-agent running there?");
  }
  Result<npu::Inventory> inventory = npu::parse_inventory(annotations->inventory);
  if (!inventory) {
    return failed(PlacementProblem::kBadAnnotation, "annotation " + std::string(npu::kInventoryAnnotation) +
                                                        " of node " + name +
                                                        " cannot be read: " + inventory.error().message);
  }
  Result<npu::Allocations> allocations = npu::parse_allocations(annotations->allocations);
  if (!allocations) {
    return failed(PlacementProblem::kBadAnnotation, "annotation " + std::string(npu::kAllocationsAnnotation) +
                                                        " of node " + name +
                                                        " cannot be read: " + allocations.error().message);
  }
  if (allocations->ids == npu::Ids::kRemapped) {
    return failed(PlacementProblem::kRemapped,
                  "the scheduler plugin of node " + name +
                      " chooses other devices than kubelet; this version cannot read which ones it chose");
  }
  if (allocations->ids == npu::Ids::kUnknown) {
    return failed(PlacementProblem::kAllocationsUnknown,
                  "the agent of node " + name +
                      " does not ask kubelet who holds what (--ids unknown); this version has no other source");
  }
  return {PlacementProblem::kNone, "", std::move(*inventory), std::move(*allocations)};
}

// A pod that holds an NPU with some address: also pods of other deployments, as far as they are on nodes of ours.
struct Claim {
  std::string uid;
  std::string pod;
  std::optional<WallTime> created;  // nothing for pods that the snapshot does not hold
};

// The older claim stands. Between pods whose age is not known to all, the UID decides, so that every deployment that
// looks at the two agrees on the loser.
bool stronger(const Claim& a, const Claim& b) {
  if (a.created && b.created && *a.created != *b.created) return *a.created < *b.created;
  return a.uid < b.uid;
}

class Placer {
 public:
  explicit Placer(const Snapshot& snapshot) : snapshot_(snapshot) {
    for (const kube::Pod& pod : snapshot.pods) {
      pods_.emplace(pod.meta.uid, &pod);
      if (!pod.node.empty() && !nodes_.contains(pod.node)) nodes_.emplace(pod.node, read_named(pod.node));
    }
    for (const auto& [name, node] : nodes_) collect_claims(name, node);
  }

  Placement place(const Slot& slot, const SlotPods& pods) const {
    if (pods.occupant == nullptr) {
      // Worded like a pod that waits for a node: the successor's creation then changes no message.
      const Succession next = next_incarnation(slot, pods, snapshot_.deployment.status);
      return refuse(
          nullptr, PlacementProblem::kUnbound,
          "pod " + pod_name(snapshot_.deployment.meta.name, slot, next.incarnation) + " is not bound to a node yet");
    }
    const kube::Pod& pod = *pods.occupant;
    const std::string who = "pod " + pod.meta.name;
    if (pod.node.empty()) return refuse(&pod, PlacementProblem::kUnbound, who + " is not bound to a node yet");
    const std::string& address = snapshot_.deployment.ranktable.server_address == "HostIP" ? pod.host_ip : pod.pod_ip;
    const bool scheduler = slot.instance.role == Role::kScheduler;
    if (!is_peer_address(address) || (!scheduler && waits_for_report(pod))) {
      return refuse(&pod, PlacementProblem::kWaiting,
                    who + " on node " + pod.node + " waits for its address" +
                        (scheduler ? "" : " and for pd-agent to report its NPUs"));
    }
    ranktable::Server server{server_id(slot, pod, address), address, {}};
    if (!scheduler) {
      Placement refused = find_devices(slot, pod, server.devices);
      if (refused.problem != PlacementProblem::kNone) return refused;
    }
    return {std::move(server), PlacementProblem::kNone, "", &pod};
  }

 private:
  static Placement refuse(const kube::Pod* pod, PlacementProblem problem, std::string reason) {
    return {std::nullopt, problem, std::move(reason), pod};
  }

  NodeNpus read_named(const std::string& name) const {
    const auto found = snapshot_.nodes.find(name);
    return read_node(name, found == snapshot_.nodes.end() ? nullptr : &found->second);
  }

  // The node can be read but does not list the pod: the report follows kubelet within seconds.
  bool waits_for_report(const kube::Pod& pod) const {
    const NodeNpus& node = nodes_.at(pod.node);
    return node.problem == PlacementProblem::kNone && find_allocation(node, pod) == nullptr;
  }

  static const npu::PodDevices* find_allocation(const NodeNpus& node, const kube::Pod& pod) {
    for (const npu::PodDevices& entry : node.allocations.pods) {
      if (entry.uid == pod.meta.uid) return &entry;
    }
    return nullptr;
  }

  std::string server_id(const Slot& slot, const kube::Pod& pod, const std::string& address) const {
    const std::string& rule = snapshot_.deployment.ranktable.server_id;
    if (rule == "HostIP" && is_peer_address(pod.host_ip)) return pod.host_ip;
    if (rule != "PerInstance") return address;
    const bool several = pods_per_instance(snapshot_.deployment, slot.instance.role) > 1;
    return several ? name_of(slot) : name_of(slot.instance);
  }

  void collect_claims(const std::string& name, const NodeNpus& node) {
    for (const npu::PodDevices& entry : node.allocations.pods) {
      Claim claim{entry.uid, entry.pod_namespace + "/" + entry.name, std::nullopt};
      const auto known = pods_.find(entry.uid);
      if (known != pods_.end()) {
        const kube::Pod& pod = *known->second;
        // Kubelet may list a pod that is over until it gives its devices to the next one.
        if (pod.node != name || pod.meta.deleted || is_dead(pod)) continue;
        claim.created = pod.meta.created;
      }
      for (const int id : entry.devices) {
        for (const npu::Device& device : node.inventory.devices) {
          if (device.id == id && !device.ip.empty()) by_address_[device.ip].push_back(claim);
        }
      }
    }
  }

  const Claim* stronger_claim(const std::vector<Claim>& claims, const kube::Pod& pod) const {
    const Claim own{pod.meta.uid, pod.meta.name, pod.meta.created};
    for (const Claim& claim : claims) {
      if (claim.uid == pod.meta.uid) continue;
      // A pod that is not in the snapshot has no known age here; compare as its own deployment would compare ours.
      const Claim mine = claim.created ? own : Claim{own.uid, own.pod, std::nullopt};
      if (stronger(claim, mine)) return &claim;
    }
    return nullptr;
  }

  Placement find_devices(const Slot& slot, const kube::Pod& pod, std::vector<ranktable::Device>& devices) const {
    const NodeNpus& node = nodes_.at(pod.node);
    if (node.problem != PlacementProblem::kNone) {
      return refuse(&pod, node.problem, "pod " + pod.meta.name + " has no known NPUs: " + node.reason);
    }
    const std::string who = "pod " + pod.meta.name + " on node " + pod.node;
    const npu::PodDevices& allocation = *find_allocation(node, pod);
    const int want = spec_of(snapshot_.deployment, slot.instance.role).npus_per_pod;
    const std::set<int> ids(allocation.devices.begin(), allocation.devices.end());
    if (ids.size() != allocation.devices.size() || static_cast<int>(ids.size()) != want) {
      return refuse(&pod, PlacementProblem::kCount,
                    who + " has " + std::to_string(ids.size()) + " NPUs, and the role wants " + std::to_string(want));
    }
    std::set<std::string> addresses;
    for (const int id : ids) {
      const auto device = std::find_if(node.inventory.devices.begin(), node.inventory.devices.end(),
                                       [&](const npu::Device& candidate) { return candidate.id == id; });
      const npu::Device* known = device == node.inventory.devices.end() ? nullptr : &*device;
      Placement refused = check_device(pod, who + " holds NPU " + std::to_string(id), id, known);
      if (refused.problem != PlacementProblem::kNone) return refused;
      if (!addresses.insert(known->ip).second) {
        return refuse(&pod, PlacementProblem::kDeviceUnknown,
                      who + " holds two NPUs with the one address " + known->ip);
      }
      devices.push_back({id, known->ip});
    }
    return {std::nullopt, PlacementProblem::kNone, "", &pod};
  }

  Placement check_device(const kube::Pod& pod, const std::string& what, int id, const npu::Device* known) const {
    if (known == nullptr) {
      return refuse(&pod, PlacementProblem::kDeviceUnknown, what + ", which is not in the node's inventory");
    }
    if (!is_peer_address(known->ip)) {
      return refuse(
          &pod, PlacementProblem::kDeviceUnknown,
          what + ", which has no usable address: check `hccn_tool -i " + std::to_string(id) + " -ip -g` on the node");
    }
    if (snapshot_.deployment.ranktable.require_link_up && known->link == "down") {
      return refuse(&pod, PlacementProblem::kLinkDown, what + ", whose link is down");
    }
    // One device in two pods of a node is refused by the report's parser; one address on two nodes shows only here.
    const Claim* other = stronger_claim(by_address_.at(known->ip), pod);
    if (other != nullptr) {
      return refuse(&pod, PlacementProblem::kDuplicateDevice,
                    what + " with the address " + known->ip + ", which an NPU of " + other->pod + " has too");
    }
    return {std::nullopt, PlacementProblem::kNone, "", &pod};
  }

  const Snapshot& snapshot_;
  std::map<std::string, const kube::Pod*> pods_;  // by UID
  std::map<std::string, NodeNpus> nodes_;
  std::map<std::string, std::vector<Claim>> by_address_;  // over all nodes of the snapshot
};

}  // namespace

std::string_view reason_of(PlacementProblem problem) {
  switch (problem) {
    case PlacementProblem::kNone:
      return "Discovered";
    case PlacementProblem::kUnbound:
      return "PodUnbound";
    case PlacementProblem::kWaiting:
      return "WaitingForReport";
    case PlacementProblem::kNodeSilent:
      return "NodeNotReporting";
    case PlacementProblem::kBadAnnotation:
      return "NodeAnnotationInvalid";
    case PlacementProblem::kRemapped:
      return "DevicesRemapped";
    case PlacementProblem::kAllocationsUnknown:
      return "AllocationsUnknown";
    case PlacementProblem::kDeviceUnknown:
      return "DeviceUnknown";
    case PlacementProblem::kLinkDown:
      return "LinkDown";
    case PlacementProblem::kCount:
      return "DeviceCountWrong";
    case PlacementProblem::kDuplicateDevice:
      return "DuplicateDevice";
  }
  return "Unknown";
}

Placements place(const Snapshot& snapshot, const Occupancy& occupancy) {
  const Placer placer(snapshot);
  Placements placements;
  for (const auto& [slot, pods] : occupancy.slots) {
    if (pods.wanted) placements.emplace(slot, placer.place(slot, pods));
  }
  return placements;
}

std::optional<ranktable::Instance> placed_instance(const kube::PDDeployment& deployment, const Placements& placements,
                                                   const Instance& instance) {
  ranktable::Instance placed{name_of(instance), {}};
  for (int pod = 0; pod < pods_per_instance(deployment, instance.role); ++pod) {
    const auto found = placements.find({instance, pod});
    if (found == placements.end() || !found->second.server) return std::nullopt;
    placed.servers.push_back(*found->second.server);
  }
  return placed;
}

const Placement* obstacle(const kube::PDDeployment& deployment, const Placements& placements,
                          const Instance& instance) {
  for (int pod = 0; pod < pods_per_instance(deployment, instance.role); ++pod) {
    const auto found = placements.find({instance, pod});
    if (found != placements.end() && !found->second.server) return &found->second;
  }
  return nullptr;
}

}  // namespace pd::plan
