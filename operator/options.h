// The operator's command line.
#pragma once

#include <string>
#include <variant>

#include "base/log.h"

namespace pd::op {

struct Options {
  std::string kubeconfig;  // empty: KUBECONFIG, the pod's service account, ~/.kube/config
  std::string ns;          // empty: all namespaces
  std::string gate_image;
  std::string gate_image_pull_policy;
  int workers = 4;
  bool log_json = true;
  log::Level log_level = log::Level::kInfo;
};

// The options, or the exit code of a command line that asked for help or is wrong (and was answered).
std::variant<Options, int> parse_options(int argc, char** argv, const std::string& version);

}  // namespace pd::op
