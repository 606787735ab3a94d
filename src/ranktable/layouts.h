// The layouts, one file each. profile.cpp puts them into its table.
// Thread: constants.
#pragma once

#include "ranktable/profile.h"

namespace pd::ranktable {

// ascendcloud.cpp: exactly three groups: "0" the scheduler without devices, "1" prefill, "2" decode, with one server
// entry for each instance. Source: ranktable-formats, section 1.1.
extern const Profile kAscendCloud;
// per_instance.cpp: one group for each instance, prefill first, then decode; no scheduler. Section 1.2 (merge-all).
extern const Profile kPerInstance;
// omni_k8s.cpp: "0" the scheduler, then one group for each instance. Section 1.4.
extern const Profile kOmniK8s;
// mindie.cpp: "0" coordinators, "1" controllers, "2" and on the servers. Section 4.
extern const Profile kMindIEMotor;
// vllm_ascend_legacy.cpp: a list of prefill devices and one of decode devices. Section 2.
extern const Profile kVllmAscendLegacy;
// hccl.cpp: an instance's ranks for HCCL, version 1.0 and, with super pods, 1.2. Section 3.1.
extern const Profile kHccl10;
extern const Profile kHccl12;
// group_list.cpp: the form before versions, which CCE mounts as jobstart_hccl.json. Section 3.3.
extern const Profile kGroupList;

}  // namespace pd::ranktable
