// What a pod's own annotations say about its NPUs: written by device plugins and scheduler plugins, and by whoever may
// write the pod. A claim is therefore never believed alone (devices.h). The annotations, the first that is there
// counts:
//
//   ascend.kubectl.kubernetes.io/ascend-910-configuration   mind-cluster: {"devices":[{"device_id":"4",...}],...}
//   cce.kubectl.kubernetes.io/ascend-1980-configuration     CCE: the same
//   huawei.com/AscendReal                                   mind-cluster: Ascend910-4,Ascend910-5
//   cce.kubectl.kubernetes.io/ascend-rank-table             older CCE: {"device":[{"device_id":"4",...}],...}
//
// Source: mind-cluster's device plugin (docs/zh/scheduling/06_api/12_k8s.md). Addresses in them are not read: the
// node's inventory has them. Thread: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kube/objects.h"

namespace pd::plan {

struct DeviceClaim {
  std::string annotation;  // its key
  std::vector<int> ids;    // physical, ascending, each once
};

// Nothing where the pod has none of them. An error names the annotation and what is wrong in it.
Result<std::optional<DeviceClaim>> read_claim(const kube::ObjectMeta& pod);

// Both are there and name different devices: a scheduler plugin has chosen others than kubelet.
bool is_remapped_by_annotation(const kube::ObjectMeta& pod);

}  // namespace pd::plan
