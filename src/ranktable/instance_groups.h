// Layouts with one group for each instance, numbered from a first one on: prefill instances, then decode ones. Which is
// which does not stand in the table.
// Thread: pure functions.
#pragma once

#include "ranktable/groups.h"

namespace pd::ranktable {

void write_instance_groups(Writer& writer, const Membership& membership, std::size_t first_group);
// Judges the groups after the first `first_group` ones. Rule 8 can't be judged over both roles, so it allows two sizes:
// one for the instances up to some group, another one from there on.
void check_instance_groups(Value document, std::size_t first_group, Findings& findings);
// Adds them to the instances without a role.
Status read_instance_groups(Value document, std::size_t first_group, Membership& membership);

}  // namespace pd::ranktable
