// The last known objects of one kind, as the API server told them. Filled by a Reflector, read by controllers.
// Objects are immutable snapshots: whoever holds one keeps it, whatever the store learns later.
// Thread: the io_context's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pd::runtime {

// Decimal numbers without leading zeros, of any length; comparable within one kind only (Kubernetes' own rule).
inline bool version_less(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

template <typename T>
class Store {
 public:
  using Pointer = std::shared_ptr<const T>;
  // Called after each change: before is null for what is new, after for what is gone.
  using Listener = std::function<void(const Pointer& before, const Pointer& after)>;

  void on_change(Listener listener) { listeners_.push_back(std::move(listener)); }

  // Null when it is not there. Keys are "namespace/name", or "name" for a cluster-scoped kind.
  Pointer find(const std::string& key) const {
    const auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : found->second;
  }
  const std::map<std::string, Pointer>& all() const { return objects_; }

  void put(T object) {
    auto pointer = std::make_shared<const T>(std::move(object));
    Pointer& place = objects_[pointer->meta.key()];
    const Pointer before = std::exchange(place, pointer);
    notify(before, pointer);
  }

  void erase(const std::string& key) {
    const auto found = objects_.find(key);
    if (found == objects_.end()) return;
    const Pointer before = found->second;
    objects_.erase(found);
    notify(before, nullptr);
  }

  // All that there is in that namespace (empty: in all), by key: what is not in `objects` is gone, which no event may
  // have told.
  void replace(std::map<std::string, Pointer> objects, std::string_view ns = {}) {
    std::vector<std::string> gone;
    for (const auto& [key, object] : objects_) {
      if ((ns.empty() || object->meta.ns == ns) && !objects.contains(key)) gone.push_back(key);
    }
    while (!objects.empty()) {
      auto node = objects.extract(objects.begin());
      const Pointer known = find(node.key());
      if (known && known->meta.uid == node.mapped()->meta.uid &&
          known->meta.resource_version == node.mapped()->meta.resource_version)
        continue;
      const Pointer object = node.mapped();
      // The first list becomes the store: there are never two of it in memory.
      if (!objects_.insert(std::move(node)).inserted) objects_[object->meta.key()] = object;
      notify(known, object);
    }
    for (const std::string& key : gone) erase(key);
  }

 private:
  void notify(const Pointer& before, const Pointer& after) {
    for (const Listener& listener : listeners_) listener(before, after);
  }

  std::map<std::string, Pointer> objects_;
  std::vector<Listener> listeners_;
};

}  // namespace pd::runtime
