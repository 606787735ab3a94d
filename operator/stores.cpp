#include "operator/stores.h"

#include "npu/inventory.h"
#include "runtime/spawn.h"

namespace pd::op {
namespace {

std::string deployment_key(const kube::ObjectMeta& meta) {
  const std::string name = meta.label(std::string(kube::kDeploymentLabel));
  return name.empty() ? "" : meta.ns + "/" + name;
}

std::string resource_of(const kube::Node& node) {
  const Result<npu::Inventory> inventory =
      npu::parse_inventory(node.meta.annotation(std::string(npu::kInventoryAnnotation)));
  return inventory ? inventory->resource : "";
}

}  // namespace

Stores::Stores(kube::Client& client, const std::string& ns, runtime::Rng& rng)
    : deployments_(client, {ns, ""}, rng),
      pods_(client, {ns, std::string(kube::kDeploymentLabel)}, rng),
      nodes_(client, {"", ""}, rng),
      config_maps_(client, {ns, std::string(kube::kDeploymentLabel)}, rng),
      services_(client, {ns, std::string(kube::kDeploymentLabel)}, rng) {
  index();
}

void Stores::index() {
  deployments_.store().on_change([this](const auto& before, const auto& after) {
    const bool same_spec = before && after && before->meta.uid == after->meta.uid &&
                           before->meta.generation == after->meta.generation &&
                           before->meta.deleted == after->meta.deleted;
    concern((after ? after : before)->meta.key(), same_spec ? Change::kStatus : Change::kOther);
  });
  pods_.store().on_change([this](const auto& before, const auto& after) {
    if (before) index_pod(*before, false);
    if (after) index_pod(*after, true);
    concern(deployment_key((after ? after : before)->meta));
    if (before && after && deployment_key(before->meta) != deployment_key(after->meta))
      concern(deployment_key(before->meta));
  });
  config_maps_.store().on_change(
      [this](const auto& before, const auto& after) { concern(deployment_key((after ? after : before)->meta)); });
  services_.store().on_change(
      [this](const auto& before, const auto& after) { concern(deployment_key((after ? after : before)->meta)); });
  nodes_.store().on_change([this](const auto& before, const auto& after) { node_changed(before, after); });
  deployments_.on_synced([this] { kind_synced(); });
  pods_.on_synced([this] { kind_synced(); });
  nodes_.on_synced([this] { kind_synced(); });
  config_maps_.on_synced([this] { kind_synced(); });
  services_.on_synced([this] { kind_synced(); });
}

void Stores::kind_synced() {
  if (--unsynced_ == 0 && on_synced_) on_synced_();
}

void Stores::start(boost::asio::io_context& context, const StopToken& stop) {
  runtime::spawn(context, deployments_.run(stop));
  runtime::spawn(context, pods_.run(stop));
  runtime::spawn(context, nodes_.run(stop));
  runtime::spawn(context, config_maps_.run(stop));
  runtime::spawn(context, services_.run(stop));
}

void Stores::concern(const std::string& key, Change change) const {
  if (!key.empty() && on_change_) on_change_(key, change);
}

void Stores::index_pod(const kube::Pod& pod, bool present) {
  const std::string key = deployment_key(pod.meta);
  if (key.empty()) return;
  std::set<std::string>& pods = pods_by_deployment_[key];
  if (present) {
    pods.insert(pod.meta.key());
  } else {
    pods.erase(pod.meta.key());
  }
  if (pods.empty()) pods_by_deployment_.erase(key);
  if (pod.node.empty()) return;
  std::map<std::string, int>& on_node = deployments_by_node_[pod.node];
  if ((on_node[key] += present ? 1 : -1) <= 0) on_node.erase(key);
  if (on_node.empty()) deployments_by_node_.erase(pod.node);
}

// A node matters through its annotations: to the deployments with pods on it, and, when a resource appears, to all that
// wait for it.
void Stores::node_changed(const std::shared_ptr<const kube::Node>& before,
                          const std::shared_ptr<const kube::Node>& after) {
  if (before && after && before->meta.annotations == after->meta.annotations) return;
  const std::string& name = (after ? after : before)->meta.name;
  if (const auto found = deployments_by_node_.find(name); found != deployments_by_node_.end()) {
    for (const auto& [key, count] : found->second) concern(key);
  }
  const std::string resource = after ? resource_of(*after) : "";
  std::string& known = resource_by_node_[name];
  const bool appeared = !resource.empty() && resource != known;
  known = resource;
  if (resource.empty()) resource_by_node_.erase(name);
  if (!appeared) return;
  for (const auto& [key, deployment] : deployments()) concern(key);
}

std::optional<plan::Snapshot> Stores::observe(const std::string& key, const plan::Settings& settings) const {
  const auto deployment = deployments_.store().find(key);
  if (!deployment) return std::nullopt;
  plan::Snapshot snapshot;
  snapshot.settings = settings;
  snapshot.deployment = *deployment;
  if (const auto found = pods_by_deployment_.find(key); found != pods_by_deployment_.end()) {
    for (const std::string& pod_key : found->second) {
      const auto pod = pods_.store().find(pod_key);
      if (!pod) continue;
      snapshot.pods.push_back(*pod);
      const auto node = pod->node.empty() ? nullptr : nodes_.store().find(pod->node);
      if (!node) continue;
      snapshot.nodes[pod->node] = {node->meta.annotation(std::string(npu::kInventoryAnnotation)),
                                   node->meta.annotation(std::string(npu::kAllocationsAnnotation))};
    }
  }
  std::set<std::string> resources;
  for (const auto& [node, resource] : resource_by_node_) resources.insert(resource);
  snapshot.resources.assign(resources.begin(), resources.end());
  if (const auto map = config_maps_.store().find(key + "-ranktable")) snapshot.config_map = *map;
  for (const char* suffix : {"-pods", "-scheduler"}) {
    if (const auto service = services_.store().find(key + suffix)) snapshot.services.push_back(*service);
  }
  return snapshot;
}

const std::string& Stores::version(std::string_view kind) const {
  if (kind == "Pod") return pods_.version();
  if (kind == "ConfigMap") return config_maps_.version();
  if (kind == "Service") return services_.version();
  return deployments_.version();
}

}  // namespace pd::op
