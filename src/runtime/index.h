// A Store's objects by something else than their key: pods by node, anything by its owner.
//
//   Index<kube::Pod> by_node(pods.store(), [](const kube::Pod& pod) { return pod.node; });
//   for (const auto& pod : by_node.find("node-7")) ...
//
// The store must outlive the index. Thread: the io_context's.
#pragma once

#include <map>

#include "kube/objects.h"
#include "runtime/store.h"

namespace pd::runtime {

template <typename T>
class Index {
 public:
  using Pointer = typename Store<T>::Pointer;
  using Members = typename Store<T>::Objects;
  // Empty: the object is in no group.
  using GroupOf = std::function<std::string(const T&)>;

  // Made before the store is filled.
  Index(Store<T>& store, GroupOf group_of) : group_of_(std::move(group_of)) {
    store.on_change([this](const Pointer& before, const Pointer& after) {
      if (before) remove(before);
      if (after) insert(after);
    });
  }
  Index(const Index&) = delete;  // the store calls it where it is
  Index& operator=(const Index&) = delete;

  const Members& find(const std::string& group) const {
    static const Members none;
    const auto found = groups_.find(group);
    return found == groups_.end() ? none : found->second;
  }
  const std::map<std::string, Members>& all() const { return groups_; }

 private:
  void insert(const Pointer& object) {
    if (const std::string group = group_of_(*object); !group.empty()) groups_[group].insert(object);
  }
  void remove(const Pointer& object) {
    const auto found = groups_.find(group_of_(*object));
    if (found == groups_.end()) return;
    found->second.erase(object);
    if (found->second.empty()) groups_.erase(found);
  }

  GroupOf group_of_;
  std::map<std::string, Members> groups_;
};

// The uid of the controller that owns an object; empty where there is none.
template <typename T>
std::string owner_uid(const T& object) {
  const kube::OwnerReference* owner = object.meta.controller();
  return owner == nullptr ? "" : owner->uid;
}

}  // namespace pd::runtime
