#include "plan/devices.h"

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>

#include "base/address.h"
#include "plan/device_claims.h"
#include "plan/node_npus.h"
#include "plan/pod_template.h"
#include "plan/restart_scope.h"
#include "ranktable/rules.h"

namespace pd::plan {
namespace {

const NodeNpus::Holder* find_allocation(const NodeNpus& node, const kube::Pod& pod) {
  for (const NodeNpus::Holder& entry : node.holders) {
    if (entry.uid == pod.meta.uid) return &entry;
  }
  return nullptr;
}

const NodeNpus::Device* find_device(const NodeNpus& node, int id) {
  for (const NodeNpus::Device& device : node.devices) {
    if (device.id == id) return &device;
  }
  return nullptr;
}

std::string numbers(const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text.append(text.empty() ? "" : ", ").append(std::to_string(id));
  return text.empty() ? "none" : text;
}

// Which NPUs a pod holds and who says so, or why that is not known.
struct Holding {
  PlacementProblem problem = PlacementProblem::kNone;
  std::string reason;
  std::vector<int> ids;
  std::string source;
};

Holding unknown(PlacementProblem problem, std::string reason) { return {problem, std::move(reason), {}, {}}; }

std::string waits(const kube::Pod& pod, const std::string& for_what) {
  return "pod " + pod.meta.name + " on node " + pod.node + " waits for its address" + for_what;
}

Holding waits_for_report(const kube::Pod& pod) {
  return unknown(PlacementProblem::kWaiting, waits(pod, " and for pd-agent to report its NPUs"));
}

// Kubelet's word, by the pod's UID, which the pod's own annotations can only confirm.
Holding by_kubelet(const kube::Pod& pod, const NodeNpus& node, const std::optional<DeviceClaim>& claim) {
  const NodeNpus::Holder* allocation = find_allocation(node, pod);
  if (allocation == nullptr) return waits_for_report(pod);
  if (!claim) return {PlacementProblem::kNone, "", allocation->devices, std::string(npu::kAllocationsAnnotation)};
  if (claim->ids == allocation->devices) return {PlacementProblem::kNone, "", claim->ids, claim->annotation};
  const bool remapped = is_remapped_by_annotation(pod.meta);
  return unknown(PlacementProblem::kDisagreement,
                 "pod " + pod.meta.name + " on node " + pod.node + " holds NPU " + numbers(allocation->devices) +
                     " by kubelet's word and NPU " + numbers(claim->ids) + " by its annotation " + claim->annotation +
                     (remapped ? ": where Volcano chooses the devices, start pd-agent with --ids remapped"
                               : ": find out who has written that"));
}

// The word of a scheduler plugin or device plugin, with no more devices than kubelet has counted, where it counts.
Holding by_claim(const kube::Pod& pod, const NodeNpus& node, const std::optional<DeviceClaim>& claim) {
  const bool counted = node.ids == npu::Ids::kRemapped;
  const NodeNpus::Holder* allocation = find_allocation(node, pod);
  if (counted && allocation == nullptr) return waits_for_report(pod);
  if (!claim) {
    return unknown(PlacementProblem::kWaiting,
                   waits(pod, " and for its device plugin to say in an annotation which NPUs it got"));
  }
  if (counted && allocation->devices.size() != claim->ids.size()) {
    return unknown(PlacementProblem::kDisagreement,
                   "pod " + pod.meta.name + " on node " + pod.node + " has " +
                       std::to_string(allocation->devices.size()) + " NPUs by kubelet's count and " +
                       std::to_string(claim->ids.size()) + " by its annotation " + claim->annotation);
  }
  return {PlacementProblem::kNone, "", claim->ids, claim->annotation};
}

Holding find_holding(const kube::Pod& pod, const NodeNpus& node) {
  if (node.problem != PlacementProblem::kNone)
    return unknown(node.problem, "pod " + pod.meta.name + " has no known NPUs: " + node.reason);
  const Result<std::optional<DeviceClaim>> claim = read_claim(pod.meta);
  if (!claim) {
    return unknown(PlacementProblem::kBadClaim,
                   "pod " + pod.meta.name + " on node " + pod.node + " has no known NPUs: " + claim.error().message);
  }
  return node.ids == npu::Ids::kReal ? by_kubelet(pod, node, *claim) : by_claim(pod, node, *claim);
}

// A pod that holds an NPU with some address: also pods of other deployments, as far as they are on nodes of ours. There
// may be thousands: it only points at what it is made from.
struct Claim {
  std::string_view uid;
  std::string_view pod;             // "namespace/name"
  bool by_kubelet = true;           // or by an annotation alone
  std::optional<WallTime> created;  // nothing for pods that the snapshot does not hold
};

// Kubelet's word stands against an annotation, then the older claim. Between pods whose age is not known to all, the
// UID decides, so that every deployment that looks at the two agrees on the loser.
bool stronger(const Claim& a, const Claim& b) {
  if (a.by_kubelet != b.by_kubelet) return a.by_kubelet;
  if (a.created && b.created && *a.created != *b.created) return *a.created < *b.created;
  return a.uid < b.uid;
}

class Placer {
 public:
  Placer(const Snapshot& snapshot, const Occupancy& occupancy) : snapshot_(snapshot), occupancy_(occupancy) {
    for (const kube::Pod& pod : snapshot.pods) {
      pods_.emplace(pod.meta.uid.str(), &pod);
      if (!pod.node.empty() && !nodes_.contains(pod.node)) nodes_.emplace(pod.node, read_named(pod.node));
    }
    for (const auto& [name, node] : nodes_) {
      if (node->ids == npu::Ids::kReal) claim_by_kubelet(name, *node);
    }
    for (const kube::Pod& pod : snapshot.pods) claim_by_annotation(pod);
  }

  Placement place(const Slot& slot, const SlotPods& pods) const {
    if (pods.occupant == nullptr && adopts(snapshot_.deployment, slot.instance.role)) {
      return refuse(nullptr, PlacementProblem::kUnbound,
                    "no pod has come for it yet, and " + std::string(name_of(slot.instance.role)) +
                        " adopts pods that others make");
    }
    if (pods.occupant == nullptr) {
      // Worded like a pod that waits for a node: the successor's creation then changes no message.
      const Succession next = next_together(snapshot_.deployment, occupancy_, slot, pods);
      return refuse(
          nullptr, PlacementProblem::kUnbound,
          "pod " + pod_name(snapshot_.deployment.meta.name, slot, next.incarnation) + " is not bound to a node yet");
    }
    const kube::Pod& pod = *pods.occupant;
    if (pod.node.empty())
      return refuse(&pod, PlacementProblem::kUnbound, "pod " + pod.meta.name + " is not bound to a node yet");
    const std::string& address =
        snapshot_.deployment.ranktable.server_address == "HostIP" ? pod.host_ip.str() : pod.pod_ip;
    if (slot.instance.role == Role::kScheduler) {
      if (!is_peer_address(address)) return refuse(&pod, PlacementProblem::kWaiting, waits(pod, ""));
      return placed(slot, pod, address);
    }
    if (is_of_another_group(pod, snapshot_.deployment, slot.instance.role)) {
      return refuse(&pod, PlacementProblem::kUnbound,
                    "pod " + pod.meta.name + " is of an instance of " + pod.meta.label(kube::kPodsPerInstanceLabel) +
                        " pods, and the role wants " +
                        std::to_string(pods_per_instance(snapshot_.deployment, slot.instance.role)));
    }
    const Holding holding = find_holding(pod, *nodes_.at(pod.node));
    // In the words of the other wait, which usually comes next: a message less to write.
    if (!is_peer_address(address) && holding.problem == PlacementProblem::kNone)
      return refuse(&pod, PlacementProblem::kWaiting, waits_for_report(pod).reason);
    if (holding.problem != PlacementProblem::kNone) return refuse(&pod, holding.problem, holding.reason);
    Placement placement = placed(slot, pod, address);
    placement.source = holding.source;
    return with_devices(slot, pod, holding.ids, std::move(placement));
  }

 private:
  static Placement refuse(const kube::Pod* pod, PlacementProblem problem, std::string reason) {
    Placement placement;
    placement.problem = problem;
    placement.reason = std::move(reason);
    placement.pod = pod;
    return placement;
  }

  Placement placed(const Slot& slot, const kube::Pod& pod, const std::string& address) const {
    Placement placement = refuse(&pod, PlacementProblem::kNone, "");
    placement.server = ranktable::Server{server_id(slot, pod, address), address, {}};
    return placement;
  }

  std::shared_ptr<const NodeNpus> read_named(const std::string& name) const {
    const auto found = snapshot_.nodes.find(name);
    return found == snapshot_.nodes.end() ? read_node(name, {}, {}) : found->second;
  }

  std::string server_id(const Slot& slot, const kube::Pod& pod, const std::string& address) const {
    const std::string& rule = snapshot_.deployment.ranktable.server_id;
    if (rule == "HostIP" && is_peer_address(pod.host_ip)) return pod.host_ip;
    if (rule != "PerInstance") return address;
    const bool several = pods_per_instance(snapshot_.deployment, slot.instance.role) > 1;
    return several ? name_of(slot) : name_of(slot.instance);
  }

  void add_claims(const NodeNpus& node, const std::vector<int>& ids, const Claim& claim) {
    claims_.push_back(claim);
    for (const int id : ids) {
      const NodeNpus::Device* device = find_device(node, id);
      if (device != nullptr && !device->address.empty()) by_address_.emplace(device->address, &claims_.back());
    }
  }

  void claim_by_kubelet(const std::string& name, const NodeNpus& node) {
    for (const NodeNpus::Holder& entry : node.holders) {
      Claim claim{entry.uid.str(), entry.pod, true, std::nullopt};
      const auto known = pods_.find(entry.uid.str());
      if (known != pods_.end()) {
        const kube::Pod& pod = *known->second;
        // Kubelet may list a pod that is over until it gives its devices to the next one.
        if (pod.node != name || pod.meta.deleted || is_dead(pod)) continue;
        claim.created = pod.meta.created;
      }
      add_claims(node, entry.devices, claim);
    }
  }

  void claim_by_annotation(const kube::Pod& pod) {
    if (pod.node.empty() || pod.meta.deleted || is_dead(pod)) return;
    const NodeNpus& node = *nodes_.at(pod.node);
    if (node.ids == npu::Ids::kReal) return;
    const Holding holding = find_holding(pod, node);
    if (holding.problem != PlacementProblem::kNone) return;
    add_claims(node, holding.ids, {pod.meta.uid.str(), keys_.emplace_back(pod.meta.key()), false, pod.meta.created});
  }

  const Claim* stronger_claim(const std::string& address, const kube::Pod& pod) const {
    const bool real = nodes_.at(pod.node)->ids == npu::Ids::kReal;
    const Claim own{pod.meta.uid.str(), pod.meta.name, real, pod.meta.created};
    const Claim* strongest = nullptr;
    const auto [first, last] = by_address_.equal_range(address);
    for (auto each = first; each != last; ++each) {
      const Claim& claim = *each->second;
      if (claim.uid == pod.meta.uid.str()) continue;
      // A pod that is not in the snapshot has no known age here; compare as its own deployment would compare ours.
      Claim mine = own;
      if (!claim.created) mine.created.reset();
      if (stronger(claim, mine) && (strongest == nullptr || stronger(claim, *strongest))) strongest = &claim;
    }
    return strongest;
  }

  Placement with_devices(const Slot& slot, const kube::Pod& pod, const std::vector<int>& ids,
                         Placement placement) const {
    const int want = spec_of(snapshot_.deployment, slot.instance.role).npus_per_pod;
    const auto who = [&pod] { return "pod " + pod.meta.name + " on node " + pod.node; };
    if (static_cast<int>(ids.size()) != want) {
      return refuse(&pod, PlacementProblem::kCount,
                    who() + " has " + std::to_string(ids.size()) + " NPUs, and the role wants " + std::to_string(want));
    }
    std::set<std::string> addresses;
    for (const int id : ids) {
      const NodeNpus::Device* device = find_device(*nodes_.at(pod.node), id);
      Placement refused = check_device(pod, id, device);
      if (refused.problem != PlacementProblem::kNone) return refused;
      if (!addresses.insert(device->address).second) {
        return refuse(&pod, PlacementProblem::kDeviceUnknown,
                      who() + " holds two NPUs with the one address " + device->address);
      }
      if (device->link_down && placement.warning.empty()) placement.warning = holds(pod, id) + ", whose link is down";
      placement.server->devices.push_back({id, device->address});
    }
    return placement;
  }

  static std::string holds(const kube::Pod& pod, int id) {
    return "pod " + pod.meta.name + " on node " + pod.node + " holds NPU " + std::to_string(id);
  }

  Placement check_device(const kube::Pod& pod, int id, const NodeNpus::Device* known) const {
    if (known == nullptr) {
      return refuse(&pod, PlacementProblem::kDeviceUnknown, holds(pod, id) + ", which is not in the node's inventory");
    }
    if (id > ranktable::kHighestDeviceId) {
      return refuse(&pod, PlacementProblem::kDeviceUnknown,
                    holds(pod, id) + ", and a table takes numbers up to " +
                        std::to_string(ranktable::kHighestDeviceId) + " only");
    }
    if (known->address.empty()) {
      return refuse(&pod, PlacementProblem::kDeviceUnknown,
                    holds(pod, id) + ", which has no usable address: check `hccn_tool -i " + std::to_string(id) +
                        " -ip -g` on the node");
    }
    if (snapshot_.deployment.ranktable.require_link_up && known->link_down) {
      return refuse(&pod, PlacementProblem::kLinkDown, holds(pod, id) + ", whose link is down");
    }
    // One device in two pods of a node is refused by the report's parser; one address on two nodes shows only here.
    const Claim* other = stronger_claim(known->address, pod);
    if (other != nullptr) {
      return refuse(&pod, PlacementProblem::kDuplicateDevice,
                    holds(pod, id) + " with the address " + known->address + ", which an NPU of " +
                        std::string(other->pod) + " has too");
    }
    return refuse(&pod, PlacementProblem::kNone, "");
  }

  const Snapshot& snapshot_;
  const Occupancy& occupancy_;
  std::unordered_map<std::string_view, const kube::Pod*> pods_;  // by UID
  std::map<std::string, std::shared_ptr<const NodeNpus>> nodes_;
  std::deque<std::string> keys_;  // of pods that claim by an annotation
  std::deque<Claim> claims_;
  std::unordered_multimap<std::string_view, const Claim*> by_address_;  // over all nodes of the snapshot
};

// A table has NPUs of one address family (rule 7). One whose IPv4 address is lost must not take the table from all:
// those of the family that is rarer among the NPUs that serve are refused.
void keep_one_family(Placements& placements) {
  int more_ipv6 = 0;        // than IPv4 addresses
  int more_ipv6_serve = 0;  // of pods that have had a table: those decide, unless they are as many
  for (const auto& [slot, placement] : placements) {
    if (!placement.server) continue;
    for (const ranktable::Device& device : placement.server->devices) {
      const int one = address_family(device.ip) == AddressFamily::kIPv6 ? 1 : -1;
      more_ipv6 += one;
      if (had_table(*placement.pod)) more_ipv6_serve += one;
    }
  }
  const bool ipv6 = more_ipv6_serve != 0 ? more_ipv6_serve > 0 : more_ipv6 > 0;
  const AddressFamily kept = ipv6 ? AddressFamily::kIPv6 : AddressFamily::kIPv4;
  for (auto& [slot, placement] : placements) {
    if (!placement.server) continue;
    const auto other = std::find_if(placement.server->devices.begin(), placement.server->devices.end(),
                                    [&](const ranktable::Device& each) { return address_family(each.ip) != kept; });
    if (other == placement.server->devices.end()) continue;
    placement.problem = PlacementProblem::kDeviceUnknown;
    placement.reason = "pod " + placement.pod->meta.name + " on node " + placement.pod->node + " holds NPU " +
                       std::to_string(other->id) + " with the address " + other->ip + ", and most NPUs of the table " +
                       "have " + (ipv6 ? "IPv6" : "IPv4") + " addresses: a table takes one family";
    placement.server.reset();
  }
}

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
    case PlacementProblem::kBadClaim:
      return "PodAnnotationInvalid";
    case PlacementProblem::kDisagreement:
      return "DevicesDisagree";
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

bool is_refusal(PlacementProblem problem) {
  return problem != PlacementProblem::kNone && problem != PlacementProblem::kUnbound &&
         problem != PlacementProblem::kWaiting && problem != PlacementProblem::kNodeSilent;
}

Placements place(const Snapshot& snapshot, const Occupancy& occupancy) {
  const Placer placer(snapshot, occupancy);
  Placements placements;
  for (const auto& [slot, pods] : occupancy.slots) {
    if (pods.wanted) placements.emplace(slot, placer.place(slot, pods));
  }
  keep_one_family(placements);
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
