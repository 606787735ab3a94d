// What changed between two memberships, in words: for events, logs and `pdctl diff`.
// Where names are real (the operator's), an instance is the one of its name. A table alone tells no names: there an
// instance is the same one when it holds the same devices, wherever it stands in the list; else when it is on the same
// server; else when it stands in the same place.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ranktable/membership.h"

namespace pd::ranktable {

enum class ChangeKind { kAdded, kGone, kMoved, kReordered };
std::string_view to_string(ChangeKind kind);  // "added", "gone", "moved", "reordered"

struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  std::string subject;  // "prefill-1", "the scheduler", "the prefill instances"
  std::string text;     // a sentence: "prefill-1 moved from 10.0.0.19 (devices 0,1) to 10.0.0.20 (devices 4,5)"
};

enum class Names { kReal, kPlaces };
std::vector<Change> diff(const Membership& before, const Membership& after, Names names = Names::kPlaces);

}  // namespace pd::ranktable
