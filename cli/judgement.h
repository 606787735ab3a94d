// A membership written in a layout, and judged as anybody's tables would be, before any of it is written to a file.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ranktable/profile.h"

namespace pd::cli {

struct Judgement {
  ranktable::Documents documents;
  std::vector<std::string> complaints;  // one line each; empty: they keep all of `rules`
};

// Errors: the layout can't express the membership.
Result<Judgement> render_and_judge(const ranktable::Membership& membership, const ranktable::Profile& profile,
                                   ranktable::RuleSet rules);

}  // namespace pd::cli
