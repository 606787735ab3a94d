#include "cli/offline_cluster.h"

#include <algorithm>
#include <set>

#include "cli/manifests.h"
#include "cli/pdd_manifest.h"
#include "kube/json_members.h"
#include "kube/resource.h"
#include "npu/inventory.h"
#include "plan/config_map.h"
#include "plan/membership.h"
#include "plan/node_npus.h"

namespace pd::cli {
namespace {

constexpr int kMostRounds = 100;
constexpr const char* kDefaultNamespace = "default";

class OfflineCluster {
 public:
  OfflineCluster(const std::vector<Json>& objects, const plan::Settings& settings) : objects_(objects) {
    snapshot_.settings = settings;
  }

  Result<plan::Snapshot> observe() {
    Result<kube::PDDeployment> deployment = only_pddeployment(objects_);
    if (!deployment) return deployment.error();
    snapshot_.deployment = std::move(*deployment);
    kube::ObjectMeta& meta = snapshot_.deployment.meta;
    if (meta.ns.empty()) meta.ns = kDefaultNamespace;
    if (meta.uid.empty()) meta.uid = uid_told_by_owned();
    for (const Json& object : objects_) {
      const Status added = add(object);
      if (!added) return added.error().with_context(name_of(object));
    }
    if (!snapshot_.config_map) snapshot_.deployment.status = {};
    return std::move(snapshot_);
  }

 private:
  // A manifest has no uid; what the operator has made of it in a cluster has it.
  std::string uid_told_by_owned() const {
    for (const Json& object : objects_) {
      for (const Json& owner : kube::array_member(kube::object_member(object, "metadata"), "ownerReferences")) {
        const bool is_it = kube::text_member(owner, "kind") == kube::kKind &&
                           kube::text_member(owner, "name") == snapshot_.deployment.meta.name;
        if (is_it && !kube::text_member(owner, "uid").empty()) return kube::text_member(owner, "uid");
      }
    }
    return "offline";
  }

  // As stored; in the deployment's namespace, unless it says another one.
  Json stored(Json object) const {
    object = as_stored(std::move(object));
    object["metadata"].emplace("namespace", snapshot_.deployment.meta.ns);
    return object;
  }

  Status add(const Json& object) {
    const std::string kind = kube::text_member(object, "kind");
    if (kind == "Node") return add_node(object);
    if (kind == "Pod") return add_pod(stored(object));
    if (kind == "ConfigMap") return add_config_map(stored(object));
    return kind == "Service" ? add_service(stored(object)) : Status(Ok{});
  }

  Status add_node(const Json& object) {
    Result<kube::Node> node = kube::Resource<kube::Node>::decode(as_stored(object));
    if (!node) return node.error();
    const kube::ObjectMeta& meta = node->meta;
    const auto npus = plan::read_node(meta.name, meta.annotation(npu::kInventoryAnnotation),
                                      meta.annotation(npu::kAllocationsAnnotation));
    snapshot_.nodes[meta.name] = npus;
    std::vector<std::string>& resources = snapshot_.resources;
    if (!npus->resource.empty() && std::find(resources.begin(), resources.end(), npus->resource) == resources.end()) {
      resources.push_back(npus->resource);
    }
    return Ok{};
  }

  Status add_pod(const Json& object) {
    Result<kube::Pod> pod = kube::Resource<kube::Pod>::decode(object);
    if (!pod) return pod.error();
    kube::ObjectMeta& meta = pod->meta;
    const kube::PDDeployment& deployment = snapshot_.deployment;
    const bool concerns = meta.ns == deployment.meta.ns && meta.label(kube::kDeploymentLabel) == deployment.meta.name;
    if (!concerns) return Ok{};
    if (meta.uid.empty()) meta.uid = "offline-" + meta.name;
    if (!meta.owner && !is_adopted(meta.label(kube::kRoleLabel))) {
      meta.owner = {kube::kKind, deployment.meta.name, deployment.meta.uid};
    }
    snapshot_.pods.push_back(std::move(*pod));
    return Ok{};
  }

  bool is_adopted(const std::string& role_name) const {
    return std::any_of(plan::kRoles.begin(), plan::kRoles.end(), [&](plan::Role role) {
      return plan::name_of(role) == role_name && plan::adopts(snapshot_.deployment, role);
    });
  }

  bool is_in_namespace(const kube::ObjectMeta& meta) const { return meta.ns == snapshot_.deployment.meta.ns; }

  Status add_config_map(const Json& object) {
    Result<kube::ConfigMap> map = kube::Resource<kube::ConfigMap>::decode(object);
    if (!map) return map.error();
    const bool is_it = is_in_namespace(map->meta) && map->meta.name == plan::config_map_name(snapshot_.deployment);
    if (is_it) snapshot_.config_map = std::move(*map);
    return Ok{};
  }

  Status add_service(const Json& object) {
    Result<kube::Service> service = kube::Resource<kube::Service>::decode(object);
    if (!service) return service.error();
    const std::string& name = snapshot_.deployment.meta.name;
    const bool is_it = is_in_namespace(service->meta) &&
                       (service->meta.name == name + "-pods" || service->meta.name == name + "-scheduler");
    if (is_it) snapshot_.services.push_back(std::move(*service));
    return Ok{};
  }

  const std::vector<Json>& objects_;
  plan::Snapshot snapshot_;
};

const plan::DryRun kNotAsked{plan::DryRun::Answer::kUnclear, "No API server has been asked."};

// What takes effect of a plan; whether anything has.
class Effects {
 public:
  explicit Effects(plan::Snapshot& snapshot) : snapshot_(snapshot) {}

  bool of(const plan::Action& action) {
    return std::visit([this](const auto& one) { return take(one); }, action);
  }

 private:
  // Made by the planner: it can be decoded.
  template <typename T>
  static T decoded(Json object) {
    object["metadata"]["resourceVersion"] = "1";
    return *kube::Resource<T>::decode(object);
  }

  bool take(const plan::CreateConfigMap& action) { return store(action.object); }
  bool take(const plan::ReplaceConfigMap& action) { return store(action.object); }
  bool store(const Json& object) {
    snapshot_.config_map = decoded<kube::ConfigMap>(object);
    return true;
  }
  bool take(const plan::CreateObject& action) {
    if (action.object.at("kind") == "Service") {
      snapshot_.services.push_back(decoded<kube::Service>(action.object));
    } else {
      snapshot_.budgets.push_back(decoded<kube::PodDisruptionBudget>(action.object));
    }
    return true;
  }
  bool take(const plan::WriteStatus& action) {
    snapshot_.deployment.status = action.status;
    return true;
  }
  bool take(const plan::TouchPod& action) {
    const plan::Pods before = std::exchange(snapshot_.pods, {});
    for (kube::Pod pod : before) {
      if (pod.meta.uid == action.uid) {
        for (const auto& [key, value] : action.annotations) pod.meta.annotations[key] = value;
      }
      snapshot_.pods.push_back(std::move(pod));
    }
    return true;
  }
  template <typename Other>  // pods, events, and what corrects objects that are there
  bool take(const Other& /*action*/) {
    return false;
  }

  plan::Snapshot& snapshot_;
};

}  // namespace

Result<plan::Snapshot> offline_snapshot(const std::vector<Json>& objects, const plan::Settings& settings) {
  return OfflineCluster(objects, settings).observe();
}

plan::Plan settle(plan::Snapshot& snapshot, WallTime now) {
  plan::Plan planned;
  for (int round = 0; round < kMostRounds; ++round) {
    planned = plan::plan(snapshot, now);
    bool any = false;
    for (const plan::DryRunTarget& target : planned.dry_runs) {
      any = snapshot.dry_runs.emplace(target.key, kNotAsked).second || any;
    }
    Effects effects(snapshot);
    for (const plan::Action& action : planned.actions) any = effects.of(action) || any;
    if (any) continue;
    if (!planned.requeue_after) break;
    now += std::chrono::ceil<std::chrono::seconds>(*planned.requeue_after);
  }
  return planned;
}

}  // namespace pd::cli
