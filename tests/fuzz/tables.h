// What holds for every membership that was read from somewhere. Thread: for fuzz targets.
#pragma once

#include "ranktable/membership.h"
#include "ranktable/profile.h"

namespace pd::fuzz {

// Every profile refuses the membership with words, or renders tables that are read back and rendered as they were.
// The answer: how many profiles rendered it.
int require_rendered(const ranktable::Membership& membership);

// Findings are sentences that can be shown.
void require_showable(const std::vector<ranktable::Finding>& findings);

}  // namespace pd::fuzz
