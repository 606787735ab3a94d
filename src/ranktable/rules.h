// The 16 rules that a completed table keeps: the union of what its consumers check. Their numbers are those of the
// reference (ranktable-formats, section 8) and never change; which of them apply is each profile's choice
// (`rules` in its file). Thread: constants.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace pd::ranktable {

enum Rule : int {
  kReadable = 0,  // not one of the 16: the text is no JSON object, or not of the layout at all
  kStrings = 1,
  kCounts = 2,
  kLayout = 3,
  kNotEmpty = 4,
  kRanks = 5,
  kDeviceIds = 6,
  kDeviceIps = 7,
  kEqualSizes = 8,
  kMirror = 9,
  kServerAddresses = 10,
  kGroupOrder = 11,
  kServerIds = 12,
  kMindIE = 13,
  kSuperPods = 14,
  kSize = 15,
  kStatus = 16,
};

inline constexpr int kRules = 16;
inline constexpr int kHighestDeviceId = 15;  // rule 6

struct RuleText {
  std::string_view name;      // stable: for scripts
  std::string_view sentence;  // what a table has to be
};

// `rule`: 0..16.
const RuleText& text_of(int rule);

class RuleSet {
 public:
  constexpr RuleSet() = default;
  constexpr RuleSet(std::initializer_list<Rule> rules) {
    for (const Rule rule : rules) bits_ |= 1U << static_cast<unsigned>(rule);
  }
  constexpr bool has(int rule) const { return ((bits_ >> static_cast<unsigned>(rule)) & 1U) != 0; }
  constexpr RuleSet without(int rule) const {
    RuleSet rest = *this;
    rest.bits_ &= ~(1U << static_cast<unsigned>(rule));
    return rest;
  }

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace pd::ranktable
