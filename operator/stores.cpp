#include "operator/stores.h"

#include "npu/inventory.h"
#include "plan/budgets.h"
#include "plan/config_map.h"
#include "plan/node_npus.h"

namespace pd::op {
namespace {

std::string deployment_key(const kube::ObjectMeta& meta) {
  const std::string& name = meta.label(kube::kDeploymentLabel);
  return name.empty() ? "" : meta.ns + "/" + name;
}

plan::NodeAnnotations annotations_of(const kube::Node& node) {
  return {node.meta.annotation(npu::kInventoryAnnotation), node.meta.annotation(npu::kAllocationsAnnotation)};
}

std::string resource_of(const kube::Node& node) {
  const Result<npu::Inventory> inventory = npu::parse_inventory(node.meta.annotation(npu::kInventoryAnnotation));
  return inventory ? inventory->resource : "";
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
  nodes_.store().on_change([this](const auto& before, const auto& after) { node_changed(before, after); });
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

// A node matters through its annotations: to the deployments with pods on it, and, when a resource appears, to all that
// wait for it.
void Stores::node_changed(const std::shared_ptr<const kube::Node>& before,
                          const std::shared_ptr<const kube::Node>& after) {
  if (before && after && before->meta.annotations == after->meta.annotations) return;
  const std::string& name = (after ? after : before)->meta.name;
  const auto said = node_npus_.extract(name);
  std::optional<std::set<std::string>> uids;
  if (said && after && !pods_by_node_.find(name).empty()) {
    uids = plan::pods_with_other_npus(*said.mapped(), *npus_of(*after));
  }
  concern_pods_on(name, uids);
  const bool same_inventory =
      before && after &&
      before->meta.annotation(npu::kInventoryAnnotation) == after->meta.annotation(npu::kInventoryAnnotation);
  if (same_inventory) return;
  const std::string resource = after ? resource_of(*after) : "";
  std::string& known = resource_by_node_[name];
  const bool appeared = !resource.empty() && resource != known;
  known = resource;
  if (resource.empty()) resource_by_node_.erase(name);
  if (!appeared) return;
  for (const auto& deployment : deployments()) concern(deployment->meta.key());
}

// Of pods of these UIDs, or of all that are there.
void Stores::concern_pods_on(const std::string& node, const std::optional<std::set<std::string>>& uids) const {
  std::map<std::string, Change> concerned;
  for (const auto& pod : pods_by_node_.find(node)) {
    Change& change = concerned.try_emplace(deployment_key(pod->meta), Change::kNeighbour).first->second;
    if (!uids || uids->contains(pod->meta.uid)) change = Change::kPlacement;
  }
  for (const auto& [key, change] : concerned) concern(key, change);
}

std::shared_ptr<const plan::NodeNpus> Stores::npus_of(const kube::Node& node) const {
  const auto kept = node_npus_.find(node.meta.name);
  if (kept != node_npus_.end()) return kept->second;
  return node_npus_.emplace(node.meta.name, plan::read_node(node.meta.name, annotations_of(node))).first->second;
}

std::optional<plan::Snapshot> Stores::observe(const std::string& key, const plan::Settings& settings) const {
  const auto deployment = deployments_.store().find(key);
  if (!deployment) return std::nullopt;
  plan::Snapshot snapshot;
  snapshot.settings = settings;
  snapshot.deployment = *deployment;
  for (const auto& pod : pods_by_deployment_.find(key)) {
    snapshot.pods.push_back(pod);
    const auto node = pod->node.empty() ? nullptr : nodes_.store().find(pod->node.str());
    if (!node) continue;
    plan::NodeAnnotations& annotations = snapshot.nodes[pod->node];
    annotations = annotations_of(*node);
    annotations.npus = npus_of(*node);
  }
  std::set<std::string> resources;
  for (const auto& [node, resource] : resource_by_node_) resources.insert(resource);
  snapshot.resources.assign(resources.begin(), resources.end());
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
