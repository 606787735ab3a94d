// What this node's annotations should say against what they say, and the one patch that makes up the difference.
// Owner: the agent. Thread: the io_context's one thread.
#pragma once

#include <functional>
#include <optional>

#include "base/clock.h"
#include "daemonset/node_api.h"
#include "npu/inventory.h"

namespace pd::agent {

// What is wanted now. Nothing: as far as we know there is no reason to change it.
struct Wanted {
  std::optional<npu::Inventory> inventory;  // `probed`, when it is empty, becomes the time of the write
  std::optional<npu::Allocations> allocations;
  bool remove_inventory = false;  // nobody can say any more that it is true
};

// The patch from `published` to `wanted`; empty when they say the same. What cannot be parsed counts as different.
AnnotationPatch difference(const Wanted& wanted, const Annotations& published, WallTime now);

class Publisher {
 public:
  Publisher(NodeApi& node, const Clock& clock) : node_(node), clock_(clock) {}

  // Learns what the API server's Node holds.
  asio::awaitable<Status> refresh();
  // Writes when there is a difference to what the Node held at the last refresh or write. True when it wrote. kInvalid,
  // before anything is sent, where the Node's annotations would become larger than Kubernetes allows.
  asio::awaitable<Result<bool>> publish(Wanted wanted);

  // Called with all annotations of the Node at each refresh.
  void on_refresh(std::function<void(const Annotations&)> callback) { on_refresh_ = std::move(callback); }

 private:
  Status fits(const AnnotationPatch& patch) const;

  NodeApi& node_;
  const Clock& clock_;
  std::function<void(const Annotations&)> on_refresh_ = [](const Annotations&) {};
  std::size_t of_others_ = 0;  // bytes of annotations that are not ours
  std::optional<Annotations>
      published_;  // ours; nothing until the first refresh, and after a write whose outcome is unknown
};

}  // namespace pd::agent
