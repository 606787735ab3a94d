// Which pod holds which NPUs. PodResources names the pod but not its UID, kubelet's checkpoint has the UID but not the
// name; both name container, resource and devices, and by those they are joined. A pod of which anything does not join,
// or joins with two, is not published: a wrong owner would put a wrong device into a table. Names of UIDs that are
// known otherwise, from the folders of logs or from before, must be the same: PodResources is ahead of the checkpoint
// for a moment, and old kubelets list finished pods with devices that their successors hold. Thread: pure functions.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemonset/sources/checkpoint.h"
#include "daemonset/sources/pod_logs.h"
#include "daemonset/sources/pod_resources.h"
#include "npu/inventory.h"
#include "probe/problems.h"

namespace pd::agent {

struct OwnersReading {
  std::vector<npu::PodDevices> pods;  // by namespace, name, uid
  std::set<std::string> growing;  // UIDs of those whose last container holds none: kubelet may not be done with them
  bool nothing_listed = false;    // not a single pod with NPUs
  bool kubelet_waits = false;     // it has not heard yet from the API server which pods it has
  probe::Problems problems;       // by pod ("pod llm/qwen-0")
};

// `resources`: the extended resources that are NPUs; others are ignored. `names`: as far as they are known otherwise.
OwnersReading join_owners(const std::vector<ContainerDevices>& listed, const std::vector<CheckpointEntry>& entries,
                          const std::vector<std::string>& resources, const PodNames& names = {});

// What each pod holds by the checkpoint; without pods of devices that are not whole NPUs.
using DevicesByUid = std::map<std::string, std::vector<int>>;
DevicesByUid devices_by_uid(const std::vector<CheckpointEntry>& entries, const std::vector<std::string>& resources);

// What the checkpoint would say, where it can't be read: the UIDs are those of the folders of logs. A pod of whose name
// there are several, or none, has no entry and does not join. Between a pod's deletion by force and the start of the
// next of its name, the entry has the UID of the old one, which no living pod has.
std::vector<CheckpointEntry> entries_by_logs(const std::vector<ContainerDevices>& listed, const PodNames& names);

}  // namespace pd::agent
