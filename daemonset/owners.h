// Which pod holds which NPUs. PodResources names the pod but not its UID, kubelet's checkpoint has the UID but not the
// name; both name container, resource and devices, and by those they are joined. A pod of which anything does not join,
// or joins with two, is not published: a wrong owner would put a wrong device into a table. Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "daemonset/sources/checkpoint.h"
#include "daemonset/sources/pod_resources.h"
#include "npu/inventory.h"
#include "probe/problems.h"

namespace pd::agent {

struct OwnersReading {
  std::vector<npu::PodDevices> pods;  // by namespace, name, uid
  probe::Problems problems;           // by pod ("pod llm/qwen-0")
};

// `resources`: the extended resources that are NPUs; others are ignored.
OwnersReading join_owners(const std::vector<ContainerDevices>& listed, const std::vector<CheckpointEntry>& entries,
                          const std::vector<std::string>& resources);

}  // namespace pd::agent
