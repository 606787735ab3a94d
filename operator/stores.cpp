#include "operator/stores.h"

#include "plan/budgets.h"
#include "plan/config_map.h"

namespace pd::op {
namespace {

std::string deployment_key(const kube::ObjectMeta& meta) {
  const std::string& name = meta.label(kube::kDeploymentLabel);
  return name.empty() ? "" : meta.ns + "/" + name;
}

}  // namespace

Stores::Stores(kube::Client& client, const std::vector<std::string>& namespaces, runtime::Rng& rng)
    : deployments_(client, {namespaces}, rng),
      pods_(client, {namespaces, std::string(kube::kDeploymentLabel)}, rng),
      nodes_(client, {}, rng),
      config_maps_(client, {namespaces, std::string(kube::kDeploymentLabel)}, rng),
      services_(client, {namespaces, std::string(kube::kDeploymentLabel)}, rng),
      budgets_(client, {namespaces, std::string(kube::kDeploymentLabel)}, rng),
      pods_by_deployment_(pods_.store(), [](const kube::Pod& pod) { return deployment_key(pod.meta); }),
      pods_by_node_(pods_.store(), [](const kube::Pod& pod) { return pod.node; }) {
  tell_changes();
}

void Stores::tell_changes() {
  deployments_.store().on_change([this](const auto& before, const auto& after) {
    const bool same_spec = before && after && before->meta.uid == after->meta.uid &&
                           before->meta.generation == after->meta.generation &&
                           before->meta.deleted == after->meta.deleted;
    concern((after ? after : before)->meta.key(), same_spec ? Change::kStatus : Change::kOther);
  });
  // Also the deployment that lost an object because somebody has changed its label.
  const auto concern_both = [this](const auto& before, const auto& after, Change change) {
    const std::string now = deployment_key((after ? after : before)->meta);
    concern(now, change);
    if (before && deployment_key(before->meta) != now) concern(deployment_key(before->meta), change);
  };
  const auto concern_owner = [concern_both](const auto& before, const auto& after) {
    concern_both(before, after, Change::kOther);
  };
  pods_.store().on_change(
      [concern_both](const auto& before, const auto& after) { concern_both(before, after, Change::kPlacement); });
  config_maps_.store().on_change([this, concern_owner](const auto& before, const auto& after) {
    digests_.erase((after ? after : before)->meta.key());
    concern_owner(before, after);
  });
  services_.store().on_change(concern_owner);
  budgets_.store().on_change(concern_owner);
  nodes_.store().on_change([this](const auto& before, const auto& after) { node_changed(before.get(), after.get()); });
}

void Stores::watch_with(runtime::Controller& controller) {
  controller.watch(deployments_);
  controller.watch(pods_);
  controller.watch(nodes_);
  controller.watch(config_maps_);
  controller.watch(services_);
  controller.watch(budgets_);
}

void Stores::concern(const std::string& key, Change change) const {
  if (!key.empty() && on_change_) on_change_(key, change);
}

// A node matters through its NPUs: to the deployments with pods on it, and, when a resource appears that no node had,
// to all that wait for it.
void Stores::node_changed(const NpuNode* before, const NpuNode* after) {
  if (before != nullptr && after != nullptr && *before->npus == *after->npus) return;
  std::optional<std::set<std::string>> uids;
  if (before != nullptr && after != nullptr) uids = plan::pods_with_other_npus(*before->npus, *after->npus);
  concern_pods_on((after != nullptr ? after : before)->meta.name, uids);
  const std::string then = before != nullptr ? before->npus->resource : "";
  const std::string now = after != nullptr ? after->npus->resource : "";
  if (then == now) return;
  if (!then.empty() && --nodes_by_resource_[then] == 0) nodes_by_resource_.erase(then);
  if (now.empty() || ++nodes_by_resource_[now] > 1) return;
  for (const auto& deployment : deployments()) concern(deployment->meta.key());
}

// Of pods of these UIDs, or of all that are there.
void Stores::concern_pods_on(const std::string& node, const std::optional<std::set<std::string>>& uids) const {
  std::map<std::string, Change> concerned;
  for (const auto& pod : pods_by_node_.find(node)) {
    Change& change = concerned.try_emplace(deployment_key(pod->meta), Change::kNeighbour).first->second;
    if (!uids || uids->contains(pod->meta.uid.str())) change = Change::kPlacement;
  }
  for (const auto& [key, change] : concerned) concern(key, change);
}

std::optional<plan::Snapshot> Stores::observe(const std::string& key, const plan::Settings& settings) const {
  const auto deployment = deployments_.store().find(key);
  if (!deployment) return std::nullopt;
  plan::Snapshot snapshot;
  snapshot.settings = settings;
  snapshot.deployment = *deployment;
  for (const auto& pod : pods_by_deployment_.find(key)) {
    snapshot.pods.push_back(pod);
    if (pod->node.empty()) continue;
    if (const auto node = nodes_.store().find(pod->node.str())) snapshot.nodes[pod->node] = node->npus;
  }
  for (const auto& [resource, nodes] : nodes_by_resource_) snapshot.resources.push_back(resource);
  if (const auto map = config_maps_.store().find(key + "-ranktable")) {
    snapshot.config_map = *map;
    std::string& kept = digests_[map->meta.key()];
    if (kept.empty()) kept = plan::digest_of(plan::content_of(*map));
    snapshot.table_digest = kept;
  }
  for (const char* suffix : {"-pods", "-scheduler"}) {
    if (const auto service = services_.store().find(key + suffix)) snapshot.services.push_back(*service);
  }
  for (const plan::Role role : plan::kRoles) {
    const auto budget = budgets_.store().find(deployment->meta.ns + "/" + plan::budget_name(*deployment, role));
    if (budget) snapshot.budgets.push_back(*budget);
  }
  return snapshot;
}

runtime::ReflectorBase& Stores::reflector(std::string_view kind) {
  if (kind == "Pod") return pods_;
  if (kind == "ConfigMap") return config_maps_;
  if (kind == "Service") return services_;
  if (kind == "PodDisruptionBudget") return budgets_;
  return deployments_;
}

}  // namespace pd::op
