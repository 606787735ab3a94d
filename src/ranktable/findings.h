// Where a check stands in a document, and what the checks have found so far.
// Thread: values of one validation.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "ranktable/validate.h"

namespace pd::ranktable {

// A place in a document: links to its parents on the stack, so that a pointer's text costs nothing until something is
// found there. A Place must not outlive its parent or its key.
class Place {
 public:
  Place() = default;
  Place(const Place& parent, std::string_view key) : parent_(&parent), key_(key) {}
  Place(const Place& parent, std::size_t index) : parent_(&parent), index_(index), is_index_(true) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  std::string pointer() const {
    if (parent_ == nullptr) return {};
    return parent_->pointer() + '/' + (is_index_ ? std::to_string(index_) : pointer_token(key_));
  }

 private:
  const Place* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
  bool is_index_ = false;
};

// Collects findings; a hostile table can't make more of them than anybody would read.
class Findings {
 public:
  static constexpr std::size_t kMost = 100;

  void add(int rule, const Place& place, std::string message) {
    if (list_.size() < kMost) list_.push_back({rule, place.pointer(), std::move(message)});
  }
  std::vector<Finding> take() { return std::move(list_); }

 private:
  std::vector<Finding> list_;
};

}  // namespace pd::ranktable
