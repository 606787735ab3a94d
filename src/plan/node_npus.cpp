#include "plan/node_npus.h"

#include <algorithm>
#include <tuple>

namespace pd::plan {
namespace {

std::shared_ptr<const NodeNpus> failed(PlacementProblem problem, std::string reason) {
  return std::make_shared<NodeNpus>(NodeNpus{problem, std::move(reason), {}, {}});
}

std::shared_ptr<const NodeNpus> unreadable(const std::string& node, std::string_view annotation, const Error& error) {
  return failed(PlacementProblem::kBadAnnotation,
                "annotation " + std::string(annotation) + " of node " + node + " cannot be read: " + error.message);
}

}  // namespace

std::shared_ptr<const NodeNpus> read_node(const std::string& name, const NodeAnnotations& annotations) {
  if (annotations.inventory.empty() || annotations.allocations.empty()) {
    return failed(
        PlacementProblem::kNodeSilent,
        "node " + name + " has no annotation " +
            std::string(annotations.inventory.empty() ? npu::kInventoryAnnotation : npu::kAllocationsAnnotation) +
            ": see whether pd-agent runs there");
  }
  Result<npu::Inventory> inventory = npu::parse_inventory(annotations.inventory);
  if (!inventory) return unreadable(name, npu::kInventoryAnnotation, inventory.error());
  Result<npu::Allocations> allocations = npu::parse_allocations(annotations.allocations);
  if (!allocations) return unreadable(name, npu::kAllocationsAnnotation, allocations.error());
  return std::make_shared<NodeNpus>(
      NodeNpus{PlacementProblem::kNone, "", std::move(*inventory), std::move(*allocations)});
}

std::optional<std::set<std::string>> pods_with_other_npus(const NodeNpus& before, const NodeNpus& after) {
  const bool readable = before.problem == PlacementProblem::kNone && after.problem == PlacementProblem::kNone;
  if (!readable || before.inventory.devices != after.inventory.devices ||
      before.inventory.resource != after.inventory.resource || before.allocations.ids != after.allocations.ids) {
    return std::nullopt;
  }
  const auto in_order = [](const npu::PodDevices& a, const npu::PodDevices& b) {
    return std::tie(a.pod_namespace, a.name, a.uid, a.devices) < std::tie(b.pod_namespace, b.name, b.uid, b.devices);
  };
  const std::vector<npu::PodDevices>& was = before.allocations.pods;
  const std::vector<npu::PodDevices>& is = after.allocations.pods;
  std::vector<npu::PodDevices> differing;
  std::set_symmetric_difference(was.begin(), was.end(), is.begin(), is.end(), std::back_inserter(differing), in_order);
  std::set<std::string> uids;
  for (npu::PodDevices& pod : differing) uids.insert(std::move(pod.uid));
  return uids;
}

}  // namespace pd::plan
