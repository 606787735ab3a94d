// A PDDeployment as people look at it: its table, roles, pods with their NPUs and generations, and conditions; read
// from objects, whether they come from files or from a cluster. Thread: plain values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/answer.h"
#include "kube/pddeployment.h"

namespace pd::cli {

struct Observed {
  kube::PDDeployment deployment;
  std::vector<kube::Pod> pods = {};  // with its label
  std::optional<kube::ConfigMap> config_map = {};
};

// Lines for people and the same for programs.
Answer describe(const Observed& observed);
Answer list(const std::vector<kube::PDDeployment>& deployments);

// The same as facts, each a subject and what is so of it: where two of them differ, something has changed.
using Facts = std::vector<std::pair<std::string, std::string>>;
Facts facts_of(const Observed& observed);
Facts facts_of(const std::vector<kube::PDDeployment>& deployments);

// "prefill-1 is ..." for each that is new or different, "... is gone" for each that is no more.
std::vector<std::string> changes(const Facts& before, const Facts& after);

}  // namespace pd::cli
