// A Node as the operator keeps it: its name, and what its annotations say of its NPUs instead of their texts.
// Thread: plain values.
#pragma once

#include "kube/resource.h"
#include "plan/node_npus.h"

namespace pd::op {

struct NpuNode {
  kube::ObjectMeta meta;  // without annotations
  std::shared_ptr<const plan::NodeNpus> npus;
};

}  // namespace pd::op

namespace pd::kube {

template <>
struct Resource<op::NpuNode> : Resource<Node> {
  static Result<op::NpuNode> decode(const Json& object);
};

}  // namespace pd::kube
