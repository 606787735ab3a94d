#include "plan/node_npus.h"

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

}  // namespace pd::plan
