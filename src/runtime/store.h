// The last known objects of one kind, as the API server told them. Filled by a Reflector, read by controllers.
// Objects are immutable snapshots: whoever holds one keeps it, whatever the store learns later.
// Thread: the io_context's.
#pragma once

#include <boost/container/flat_set.hpp>
#include <functional>
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

  // By namespace and name, which the objects have themselves: a key beside each would cost as much as many an object.
  struct ByKey {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return parts(a) < parts(b);
    }

   private:
    using Parts = std::pair<std::string_view, std::string_view>;
    static Parts parts(const Pointer& object) { return {object->meta.ns.str(), object->meta.name}; }
    static Parts parts(std::string_view key) {
      const std::size_t slash = key.find('/');
      if (slash == std::string_view::npos) return {{}, key};
      return {key.substr(0, slash), key.substr(slash + 1)};
    }
  };
  using Objects = boost::container::flat_set<Pointer, ByKey>;

  void on_change(Listener listener) { listeners_.push_back(std::move(listener)); }

  // Null when it is not there. Keys are "namespace/name", or "name" for a cluster-scoped kind.
  Pointer find(std::string_view key) const {
    const auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : *found;
  }
  const Objects& all() const { return objects_; }

  void put(T object) {
    const auto pointer = std::make_shared<const T>(std::move(object));
    notify(put(objects_, pointer), pointer);
  }

  void erase(std::string_view key) {
    const auto found = objects_.find(key);
    if (found == objects_.end()) return;
    const Pointer before = *found;
    objects_.erase(found);
    notify(before, nullptr);
  }

  // All that there is in that namespace (empty: in all): what is not in `objects` is gone, which no event may have
  // told.
  void replace(const Objects& objects, std::string_view ns = {}) {
    std::vector<Pointer> gone;
    for (const Pointer& known : objects_) {
      if ((ns.empty() || known->meta.ns == ns) && !objects.contains(known)) gone.push_back(known);
    }
    for (const Pointer& object : objects) {
      const auto known = objects_.find(object);
      if (known != objects_.end() && (*known)->meta.uid == object->meta.uid &&
          (*known)->meta.resource_version == object->meta.resource_version)
        continue;
      notify(put(objects_, object), object);
    }
    for (const Pointer& object : gone) erase(object->meta.key());
  }

  // Answers what was there under the same key.
  static Pointer put(Objects& objects, const Pointer& object) {
    const auto [place, is_new] = objects.insert(object);
    return is_new ? nullptr : std::exchange(*place, object);
  }

 private:
  void notify(const Pointer& before, const Pointer& after) {
    for (const Listener& listener : listeners_) listener(before, after);
  }

  Objects objects_;
  std::vector<Listener> listeners_;
};

}  // namespace pd::runtime
