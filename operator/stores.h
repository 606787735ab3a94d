// What the operator watches, and which of it belongs to which PDDeployment. A deployment's key is "namespace/name".
// Thread: the io_context's.
#pragma once

#include <set>
#include <string>

#include "operator/npu_node.h"
#include "operator/table_map.h"
#include "plan/snapshot.h"
#include "runtime/controller.h"
#include "runtime/index.h"

namespace pd::op {

class Stores {
 public:
  // No namespaces: all.
  Stores(kube::Client& client, const std::vector<std::string>& namespaces, runtime::Rng& rng);

  enum class Change { kStatus, kPlacement, kNeighbour, kOther };
  // Called with the key of each deployment that a change concerns. kStatus: its status is all that changed, which is
  // mostly our own writing; kPlacement: a pod of it, or what a node says of one; kNeighbour: what a node with pods of
  // it says of others', which matters only where two hold NPUs with one address.
  void on_change(std::function<void(const std::string& key, Change change)> callback) {
    on_change_ = std::move(callback);
  }
  // Lets the controller run the watches.
  void watch_with(runtime::Controller& controller);

  const runtime::Store<kube::PDDeployment>::Objects& deployments() const { return deployments_.store().all(); }
  runtime::Store<NpuNode>::Pointer node(const std::string& name) const { return nodes_.store().find(name); }

  // All that is known about one deployment now; nothing when it is not (any more) there.
  std::optional<plan::Snapshot> observe(const std::string& key, const plan::Settings& settings) const;

  // What watches a kind ("Pod", "ConfigMap", "Service", "PodDisruptionBudget", "PDDeployment").
  runtime::ReflectorBase& reflector(std::string_view kind);

 private:
  void tell_changes();
  void node_changed(const NpuNode* before, const NpuNode* after);
  void concern(const std::string& key, Change change = Change::kOther) const;
  void concern_pods_on(const std::string& node, const std::optional<std::set<std::string>>& uids) const;

  runtime::Reflector<kube::PDDeployment> deployments_;
  runtime::Reflector<kube::Pod> pods_;
  runtime::Reflector<NpuNode> nodes_;
  runtime::Reflector<TableMap> config_maps_;
  runtime::Reflector<kube::Service> services_;
  runtime::Reflector<kube::PodDisruptionBudget> budgets_;
  runtime::Index<kube::Pod> pods_by_deployment_;
  runtime::Index<kube::Pod> pods_by_node_;
  std::map<std::string, int> nodes_by_resource_;  // how many inventories name it
  // Of ConfigMaps, made when they were last needed, until these change.
  mutable std::map<std::string, std::string> digests_;
  std::function<void(const std::string&, Change)> on_change_;
};

}  // namespace pd::op
