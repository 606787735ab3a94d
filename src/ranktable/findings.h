// What is wrong with a table, and where.
// Thread: values of one validation.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ranktable/document.h"
#include "ranktable/rules.h"

namespace pd::ranktable {

struct Finding {
  int rule = 0;            // 1..16; 0 for text that is not a table at all
  std::string pointer;     // JSON pointer to the place
  std::string message;     // one sentence: what is wrong and what it should be
  std::string table = {};  // which one of several: "the local table of prefill-0"
};

// "rule 7 (device-ips) at /server_group_list/1/...: device_ip ..."
std::string to_string(const Finding& finding);

// Collects what breaks the rules that are asked for; a hostile table can't make more findings than anybody would read.
class Findings {
 public:
  static constexpr std::size_t kMost = 100;

  explicit Findings(RuleSet rules) : rules_(rules) {}

  void add(int rule, const Value& place, std::string message) {
    if (wants(rule)) add_at(rule, place.pointer(), std::move(message));
  }
  // About the member `key`, which is missing there or is not as it should be.
  void add(int rule, const Value& holder, std::string_view key, std::string message) {
    if (wants(rule)) add_at(rule, holder.pointer() + '/' + pointer_token(key), std::move(message));
  }
  void add_at(int rule, std::string pointer, std::string message) {
    if (wants(rule)) list_.push_back({rule, std::move(pointer), std::move(message)});
  }
  // Nothing more will be told: a check may end.
  bool full() const { return list_.size() >= kMost; }
  std::vector<Finding> take() { return std::move(list_); }

 private:
  // Asked before a pointer is made: that costs a walk over all that stands before the place.
  bool wants(int rule) const { return !full() && (rule == kReadable || rules_.has(rule)); }

  RuleSet rules_;
  std::vector<Finding> list_;
};

}  // namespace pd::ranktable
