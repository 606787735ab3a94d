// Profile AscendCloud: the layout of AscendCloud-LLM's PD-disaggregated vLLM.
//   global  exactly three groups: "0" the scheduler without devices, "1" prefill, "2" decode; one server entry per
//   instance local   one table per instance, group_id "0" whatever the role, server_list the same as the global entry
// Source of rules: ranktable-formats, sections 1.1 and 8.
// Thread: pure.
#pragma once

#include "ranktable/profile.h"

namespace pd::ranktable {

const Profile& ascendcloud();

}  // namespace pd::ranktable
