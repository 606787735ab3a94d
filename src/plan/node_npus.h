// What a node's two annotations say of its NPUs, or why that is not known. It stays the same as long as they do, so who
// plans again and again keeps it: parsing a hundred nodes costs more than the rest of a plan. Thread: pure functions.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "npu/inventory.h"
#include "plan/devices.h"

namespace pd::plan {

struct NodeNpus {
  PlacementProblem problem = PlacementProblem::kNone;
  std::string reason;
  npu::Inventory inventory;
  npu::Allocations allocations;
};

// Without annotations: a node that is not there, or says nothing.
std::shared_ptr<const NodeNpus> read_node(const std::string& name, const NodeAnnotations& annotations);

// The pods, by UID, of which the node says something else than before; nothing where that is not all that differs.
std::optional<std::set<std::string>> pods_with_other_npus(const NodeNpus& before, const NodeNpus& after);

}  // namespace pd::plan
