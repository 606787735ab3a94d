#include "plan/own_objects.h"

#include <algorithm>

#include "plan/budgets.h"
#include "plan/membership.h"
#include "plan/services.h"

namespace pd::plan {

std::vector<std::string> foreign_objects(const Snapshot& snapshot) {
  std::vector<std::string> names;
  for (const kube::Service& one : snapshot.services) {
    const bool unused =
        one.meta.name == scheduler_service_name(snapshot.deployment) && adopts(snapshot.deployment, Role::kScheduler);
    if (!unused && !is_ours(one.meta, snapshot.deployment)) names.push_back("Service " + one.meta.name);
  }
  for (const Role role : kRoles) {
    if (!budget_of(snapshot.deployment, role)) continue;
    for (const kube::PodDisruptionBudget& one : snapshot.budgets) {
      const bool named = one.meta.name == budget_name(snapshot.deployment, role);
      if (named && !is_ours(one.meta, snapshot.deployment)) names.push_back("PodDisruptionBudget " + one.meta.name);
    }
  }
  return names;
}

bool is_kept(const kube::ObjectMeta& meta, const kube::PDDeployment& deployment) {
  return is_ours(meta, deployment) && !meta.deleted;
}

Json exactly(const Json& labels, const kube::TextMap& there) {
  Json patch = labels;
  for (const auto& [key, value] : there) {
    if (!labels.contains(key)) patch[key] = nullptr;
  }
  return patch;
}

bool are_exactly(const Json& labels, const kube::TextMap& there) {
  if (labels.size() != there.size()) return false;
  return std::all_of(there.begin(), there.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && *found == label.second;
  });
}

PatchObject patch_of(const kube::ObjectMeta& meta, std::string kind, const Json& object, Json spec) {
  Json patch = {{"metadata", {{"labels", object.at("metadata").at("labels")}}}, {"spec", std::move(spec)}};
  return {std::move(kind), meta.name, meta.uid, meta.resource_version, std::move(patch)};
}

}  // namespace pd::plan
