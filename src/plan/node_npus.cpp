#include "plan/node_npus.h"

#include <algorithm>
#include <tuple>

namespace pd::plan {
namespace {

void fail(NodeNpus& node, PlacementProblem problem, std::string reason) {
  node.problem = problem;
  node.reason = std::move(reason);
}

std::string unreadable(const std::string& node, std::string_view annotation, const Error& error) {
  return "annotation " + std::string(annotation) + " of node " + node + " cannot be read: " + error.message;
}

std::vector<NodeNpus::Device> devices_of(const npu::Inventory& inventory) {
  std::vector<NodeNpus::Device> devices;
  devices.reserve(inventory.devices.size());
  for (const npu::Device& device : inventory.devices) {
    devices.push_back({device.id, device.link == "down", device.ip.empty() ? device.ipv6 : device.ip});
  }
  return devices;
}

std::vector<NodeNpus::Holder> holders_of(const npu::Allocations& allocations) {
  std::vector<NodeNpus::Holder> holders;
  holders.reserve(allocations.pods.size());
  for (const npu::PodDevices& pod : allocations.pods) {
    holders.push_back({pod.uid, pod.pod_namespace + "/" + pod.name, pod.devices});
  }
  return holders;
}

}  // namespace

std::shared_ptr<const NodeNpus> read_node(const std::string& name, std::string_view inventory,
                                          std::string_view allocations) {
  auto node = std::make_shared<NodeNpus>();
  const Result<npu::Inventory> devices = npu::parse_inventory(inventory);
  if (devices) {
    node->resource = devices->resource;
    node->devices = devices_of(*devices);
  }
  if (inventory.empty() || allocations.empty()) {
    fail(*node, PlacementProblem::kNodeSilent,
         "node " + name + " has no annotation " +
             std::string(inventory.empty() ? npu::kInventoryAnnotation : npu::kAllocationsAnnotation) +
             ": see whether pd-agent runs there");
    return node;
  }
  const Result<npu::Allocations> held = npu::parse_allocations(allocations);
  if (!devices) {
    fail(*node, PlacementProblem::kBadAnnotation, unreadable(name, npu::kInventoryAnnotation, devices.error()));
  } else if (!held) {
    fail(*node, PlacementProblem::kBadAnnotation, unreadable(name, npu::kAllocationsAnnotation, held.error()));
  } else {
    node->ids = held->ids;
    node->holders = holders_of(*held);
  }
  return node;
}

std::optional<std::set<std::string>> pods_with_other_npus(const NodeNpus& before, const NodeNpus& after) {
  NodeNpus others = after;
  others.holders = before.holders;
  if (others != before) return std::nullopt;
  const auto in_order = [](const NodeNpus::Holder& a, const NodeNpus::Holder& b) {
    return std::tie(a.uid.str(), a.pod, a.devices) < std::tie(b.uid.str(), b.pod, b.devices);
  };
  std::vector<NodeNpus::Holder> was = before.holders;
  std::vector<NodeNpus::Holder> is = after.holders;
  std::sort(was.begin(), was.end(), in_order);
  std::sort(is.begin(), is.end(), in_order);
  std::vector<NodeNpus::Holder> differing;
  std::set_symmetric_difference(was.begin(), was.end(), is.begin(), is.end(), std::back_inserter(differing), in_order);
  std::set<std::string> uids;
  for (const NodeNpus::Holder& pod : differing) uids.insert(pod.uid);
  return uids;
}

}  // namespace pd::plan
