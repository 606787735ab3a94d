// Which rules the result of a merge has to keep.
// Thread: pure functions.
#pragma once

#include "ranktable/merge.h"
#include "ranktable/profile.h"

namespace pd::cli {

// All of the profile's, but for what was allowed and is the case.
inline ranktable::RuleSet merge_rules(const ranktable::Profile& profile, const ranktable::Membership& membership,
                                      const ranktable::MergeOptions& options) {
  ranktable::RuleSet rules = profile.rules;
  const bool whole = !membership.schedulers.empty() && !membership.prefill.empty() && !membership.decode.empty();
  if (options.allow_missing_groups && !whole) {
    rules = rules.without(ranktable::kLayout).without(ranktable::kNotEmpty);
  }
  return options.allow_unequal_sizes ? rules.without(ranktable::kEqualSizes) : rules;
}

}  // namespace pd::cli
