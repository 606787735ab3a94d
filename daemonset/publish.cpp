#include "daemonset/publish.h"

#include "npu/annotation_reader.h"

namespace pd::agent {
namespace {

const std::string kInventory(npu::kInventoryAnnotation);
const std::string kAllocations(npu::kAllocationsAnnotation);

std::optional<npu::Inventory> inventory_in(const Annotations& published) {
  const auto found = published.find(kInventory);
  if (found == published.end()) return std::nullopt;
  Result<npu::Inventory> parsed = npu::parse_inventory(found->second);
  if (!parsed) return std::nullopt;
  return std::move(*parsed);
}

bool says(const Annotations& published, const npu::Allocations& wanted) {
  const auto found = published.find(kAllocations);
  if (found == published.end()) return false;
  const Result<npu::Allocations> parsed = npu::parse_allocations(found->second);
  return parsed && *parsed == wanted;
}

}  // namespace

AnnotationPatch difference(const Wanted& wanted, const Annotations& published, WallTime now) {
  AnnotationPatch patch;
  if (wanted.inventory) {
    const std::optional<npu::Inventory> before = inventory_in(published);
    npu::Inventory inventory = *wanted.inventory;
    if (inventory.resource.empty() && before) inventory.resource = before->resource;  // kubelet could not be asked
    if (inventory.probed.empty()) inventory.probed = format_rfc3339(now);
    if (!before || !before->same_content(inventory)) patch[kInventory] = npu::format_inventory(inventory);
  }
  if (!wanted.inventory && wanted.remove_inventory && published.contains(kInventory)) patch[kInventory] = std::nullopt;
  if (wanted.allocations && !says(published, *wanted.allocations))
    patch[kAllocations] = npu::format_allocations(*wanted.allocations);
  return patch;
}

asio::awaitable<Status> Publisher::refresh() {
  Result<Annotations> annotations = co_await node_.annotations();
  if (!annotations) co_return annotations.error();
  on_refresh_(*annotations);
  Annotations ours;
  of_others_ = 0;
  for (const auto& annotation : *annotations) {
    const auto& [key, value] = annotation;
    const bool is_ours = key == kInventory || key == kAllocations;
    if (is_ours) ours.insert(annotation);
    if (!is_ours) of_others_ += key.size() + value.size();
  }
  published_ = std::move(ours);
  co_return Ok{};
}

Status Publisher::fits(const AnnotationPatch& patch) const {
  std::size_t ours = 0;
  for (const std::string& key : {kInventory, kAllocations}) {
    const auto changed = patch.find(key);
    const auto stays = published_->find(key);
    if (changed != patch.end()) ours += changed->second ? key.size() + changed->second->size() : 0;
    if (changed == patch.end() && stays != published_->end()) ours += key.size() + stays->second.size();
  }
  if (of_others_ + ours <= npu::kAnnotationBytes) return Ok{};
  return invalid("the Node has " + std::to_string(of_others_) + " bytes of annotations of others; with " +
                 std::to_string(ours) + " of ours these are more than the " + std::to_string(npu::kAnnotationBytes) +
                 " that Kubernetes allows: remove what nobody needs (kubectl annotate node NAME KEY-)");
}

asio::awaitable<Result<bool>> Publisher::publish(Wanted wanted) {
  if (!published_) {
    const Status refreshed = co_await refresh();
    if (!refreshed) co_return refreshed.error();
  }
  const AnnotationPatch patch = difference(wanted, *published_, clock_.wall_now());
  if (patch.empty()) co_return false;
  const Status small_enough = fits(patch);
  if (!small_enough) co_return small_enough.error();
  const Status written = co_await node_.patch_annotations(patch);
  if (!written) {
    published_.reset();  // it may have been written nevertheless: look before the next write
    co_return written.error();
  }
  for (const auto& [key, value] : patch) {
    if (value) {
      (*published_)[key] = *value;
    } else {
      published_->erase(key);
    }
  }
  co_return true;
}

}  // namespace pd::agent
