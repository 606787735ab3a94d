// A map of bounded size that forgets what was used longest ago.
// Owner: whoever remembers. Thread: its owner's.
#pragma once

#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace pd::runtime {

template <typename T>
class Recent {
 public:
  explicit Recent(std::size_t most) : most_(most) {}

  // Null when it is not there (any more).
  T* find(const std::string& key) {
    const auto found = places_.find(key);
    return found == places_.end() ? nullptr : &found->second->second;
  }

  // Counts as used now.
  void touch(const std::string& key) {
    const auto found = places_.find(key);
    if (found != places_.end()) order_.splice(order_.end(), order_, found->second);
  }

  // Of a key that is not there.
  T& add(const std::string& key, T value) {
    if (order_.size() >= most_) erase(std::string(order_.front().first));
    order_.emplace_back(key, std::move(value));
    places_[key] = std::prev(order_.end());
    return order_.back().second;
  }

  void erase(const std::string& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    order_.erase(found->second);
    places_.erase(found);
  }

  // The one that was used longest ago first.
  const std::list<std::pair<std::string, T>>& all() const { return order_; }
  bool empty() const { return order_.empty(); }

 private:
  std::size_t most_;
  std::list<std::pair<std::string, T>> order_;
  std::unordered_map<std::string, typename std::list<std::pair<std::string, T>>::iterator> places_;
};

}  // namespace pd::runtime
