// What a node's two annotations say of its NPUs, as far as a plan asks, or why that is not known. It is read when the
// annotations change and kept instead of them: parsing a hundred nodes costs more than the rest of a plan, and the
// texts are twice as large. Thread: pure functions.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kube/text.h"
#include "npu/inventory.h"
#include "plan/devices.h"

namespace pd::plan {

struct NodeNpus {
  struct Device {
    int id = 0;
    bool link_down = false;
    std::string address;  // IPv4 where it has one; empty: not known
    bool operator==(const Device&) const = default;
  };
  // A pod that kubelet has given NPUs, of whichever deployment.
  struct Holder {
    kube::Text uid;
    std::string pod;           // "namespace/name"
    std::vector<int> devices;  // ascending
    bool operator==(const Holder&) const = default;
  };

  PlacementProblem problem = PlacementProblem::kNone;
  std::string reason;
  kube::Text resource;  // that the inventory names, also where the rest is not known
  npu::Ids ids = npu::Ids::kReal;
  std::vector<Device> devices;
  std::vector<Holder> holders;
  bool operator==(const NodeNpus&) const = default;
};

// The texts of the annotations npu-inventory and npu-allocations; empty where the node has none, or is not there.
std::shared_ptr<const NodeNpus> read_node(const std::string& name, std::string_view inventory,
                                          std::string_view allocations);

// The pods, by UID, of which the node says something else than before; nothing where that is not all that differs.
std::optional<std::set<std::string>> pods_with_other_npus(const NodeNpus& before, const NodeNpus& after);

}  // namespace pd::plan
