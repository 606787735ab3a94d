// What pd-agent is told on its command line.
// Thread: at start.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace pd::agent {

enum class Task { kRun, kProbe, kWithdraw };

struct Options {
  Task task = Task::kRun;
  std::string node_name;   // may be empty unless it runs
  std::string own_pod;     // "namespace/name"; empty: it runs in none
  std::string kubeconfig;  // empty: KUBECONFIG, the pod's service account, ~/.kube/config
  std::string source = "auto";
  std::string hccn_tool = "/usr/local/Ascend/driver/tools/hccn_tool";
  std::string tool_library_path;  // LD_LIBRARY_PATH of the driver's tools; empty: that of the agent
  double hccn_tool_timeout = 10;  // seconds
  std::string hccn_conf = "/etc/hccn.conf";
  std::string npu_smi = "/usr/local/bin/npu-smi";
  std::string static_file;
  std::string dev_dir = "/dev";
  std::optional<int> device_count;
  std::string pod_resources_socket = "/var/lib/kubelet/pod-resources/kubelet.sock";
  std::string checkpoint = "/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint";
  std::string pod_logs = "/var/log/pods";
  std::vector<std::string> resource_names = {"huawei.com/Ascend910", "huawei.com/ascend-1980"};
  std::string ids = "real";
  double probe_interval = 10;             // seconds
  double allocations_interval = 10;       // seconds
  std::string metrics_address = ":8080";  // of probes and metrics; "off": none
  std::string log_format = "json";
  bool json = false;                // of the probe's findings
  std::string after_pods;           // withdraw: a label selector; empty: at once
  std::string pods_namespace;       // ... of those pods; empty: that of the pod or of the kubeconfig's context
  double after_pods_timeout = 600;  // ... seconds
};

// The options, or the status to exit with: help was printed, or what is wrong.
std::variant<Options, int> parse_options(int argc, const char* const* argv);

inline Duration seconds(double count) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(count));
}

}  // namespace pd::agent
