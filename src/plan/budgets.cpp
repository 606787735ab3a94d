#include "plan/budgets.h"

#include <algorithm>

#include "plan/config_map.h"
#include "plan/membership.h"
#include "plan/own_objects.h"

namespace pd::plan {
namespace {

constexpr const char* kKind = "PodDisruptionBudget";

Json budget(const kube::PDDeployment& deployment, Role role, int min_available) {
  const Json labels = {{kube::kDeploymentLabel, deployment.meta.name}, {kube::kRoleLabel, name_of(role)}};
  return {{"apiVersion", "policy/v1"},
          {"kind", kKind},
          {"metadata", object_metadata(deployment, budget_name(deployment, role))},
          {"spec", {{"minAvailable", min_available}, {"selector", {{"matchLabels", labels}}}}}};
}

void add_change(const kube::PDDeployment& deployment, Role role, const kube::PodDisruptionBudget* there,
                std::vector<Action>& changes) {
  const std::optional<int> wanted = budget_of(deployment, role);
  if (!wanted) {
    if (there == nullptr || !is_kept(there->meta, deployment)) return;
    const kube::ObjectMeta& meta = there->meta;
    changes.emplace_back(DeleteObject{kKind, meta.name, meta.uid, meta.resource_version});
    return;
  }
  Json made = budget(deployment, role, *wanted);
  if (there == nullptr) {
    changes.emplace_back(CreateObject{std::move(made)});
    return;
  }
  if (!is_kept(there->meta, deployment)) return;
  const Json& labels = made.at("spec").at("selector").at("matchLabels");
  if (there->min_available == wanted && are_exactly(labels, there->selector) &&
      has_our_labels(there->meta, deployment)) {
    return;
  }
  // Both limits together are refused, so that by which somebody has replaced ours goes.
  const Json spec = {{"minAvailable", *wanted},
                     {"maxUnavailable", nullptr},
                     {"selector", {{"matchLabels", exactly(labels, there->selector)}}}};
  changes.emplace_back(patch_of(there->meta, kKind, made, spec));
}

}  // namespace

std::string budget_name(const kube::PDDeployment& deployment, Role role) {
  return deployment.meta.name + "-" + std::string(name_of(role));
}

// The workload that makes adopted pods may bring its own, and two of them let no pod be evicted.
std::optional<int> budget_of(const kube::PDDeployment& deployment, Role role) {
  return adopts(deployment, role) ? std::nullopt : spec_of(deployment, role).pdb_min_available;
}

std::vector<Action> budget_changes(const Snapshot& snapshot) {
  std::vector<Action> changes;
  for (const Role role : kRoles) {
    const auto there = std::find_if(
        snapshot.budgets.begin(), snapshot.budgets.end(),
        [&](const kube::PodDisruptionBudget& one) { return one.meta.name == budget_name(snapshot.deployment, role); });
    add_change(snapshot.deployment, role, there == snapshot.budgets.end() ? nullptr : &*there, changes);
  }
  return changes;
}

}  // namespace pd::plan
