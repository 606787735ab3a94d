// The operator's command line.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/log.h"
#include "runtime/leader_election.h"

namespace pd::op {

// Of several operators, the one that holds the Lease works.
struct ElectionOptions {
  bool enabled = true;
  std::string lease_name = "pd-operator";
  std::string lease_ns;  // empty: that of the pod, or of the kubeconfig's context
  runtime::ElectionTiming timing;
};

enum class Task { kRun, kCheck };

struct Options {
  Task task = Task::kRun;
  std::string kubeconfig;               // empty: KUBECONFIG, the pod's service account, ~/.kube/config
  std::vector<std::string> namespaces;  // empty: all
  std::string gate_image;
  std::string gate_image_pull_policy;
  int workers = 4;
  std::string metrics_address = ":8080";  // of probes and metrics; "off": none
  ElectionOptions election;
  bool log_json = true;
  log::Level log_level = log::Level::kInfo;
};

// The options, or the exit code of a command line that asked for help or is wrong (and was answered).
std::variant<Options, int> parse_options(int argc, char** argv, const std::string& version);

}  // namespace pd::op
