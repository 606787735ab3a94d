// `pdctl inject`: what the pods of an adopted role need (labels, the tables' volume, environment, the gate), put into
// the manifest of the workload that makes them. It is the planner's own code that puts it in.
// Thread: blocking.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/answer.h"

namespace pd::cli {

struct InjectRequest {
  std::string file;  // "-" is standard input
  std::string role;  // scheduler, prefill or decode
  std::string deployment;
  std::string part;  // the task of a Volcano Job, or the role of a ModelServing; empty: all
  std::string pdd;   // the PDDeployment's manifest; empty: none
  // In place of what the manifest says.
  std::optional<std::string> profile;
  std::optional<std::string> mount_path;
  std::optional<std::string> gate_image;
  std::optional<std::string> gate_image_pull_policy;
  std::optional<int> gate_port;
  bool no_gate = false;
};

Answer inject(const InjectRequest& request, std::istream& in);

}  // namespace pd::cli
