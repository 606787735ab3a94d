#include "operator/npu_node.h"

namespace pd::kube {

Result<op::NpuNode> Resource<op::NpuNode>::decode(const Json& object) {
  Result<Node> node = Resource<Node>::decode(object);
  if (!node) return node.error();
  ObjectMeta meta = std::move(node->meta);
  const TextMap annotations = std::exchange(meta.annotations, {});
  const auto text = [&](std::string_view key) -> std::string_view {
    const auto found = annotations.find(key);
    return found == annotations.end() ? std::string_view() : std::string_view(found->second.str());
  };
  auto npus = plan::read_node(meta.name, text(npu::kInventoryAnnotation), text(npu::kAllocationsAnnotation));
  return op::NpuNode{std::move(meta), std::move(npus)};
}

}  // namespace pd::kube
