// Names of pods by UID, from the folders of their logs: kubelet makes /var/log/pods/<namespace>_<name>_<uid> when it
// starts a pod, and removes it some time after the pod's end (kubelet's BuildPodLogsDirectory; no part of a name has a
// '_'). Old folders stand beside new ones, so a folder says who a UID is, never that the pod lives. Thread: any.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace pd::agent {

using PodName = std::pair<std::string, std::string>;  // namespace, name
using PodNames = std::map<std::string, PodName>;      // by UID

// Nothing when it is not the name of such a folder.
std::optional<std::pair<std::string, PodName>> parse_pod_log_folder(std::string_view name);

// kNotFound where there is no such folder, kForbidden where it can't be read.
Result<PodNames> read_pod_logs(const std::string& folder);

}  // namespace pd::agent
