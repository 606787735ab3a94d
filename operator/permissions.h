// What the operator asks of the API server, as RBAC knows it: no more than its code calls. The chart's roles grant it,
// and `pd-operator check` asks for it. Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "operator/options.h"

namespace pd::op {

struct Permission {
  std::string group;     // of the API; empty: the core
  std::string resource;  // "pods", "pddeployments/status"
  std::vector<std::string> verbs;
  std::string ns = {};    // empty: all, or the kind has none
  std::string name = {};  // empty: every name
};

std::vector<Permission> needed_permissions(const Options& options);

// "get, list pods in all namespaces", of the verbs that are given.
std::string describe(const Permission& permission, const std::vector<std::string>& verbs);

}  // namespace pd::op
