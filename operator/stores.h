// What the operator watches, and which of it belongs to which PDDeployment. A deployment's key is "namespace/name".
// Thread: the io_context's.
#pragma once

#include <set>
#include <string>

#include "plan/snapshot.h"
#include "runtime/reflector.h"

namespace pd::op {

class Stores {
 public:
  Stores(kube::Client& client, const std::string& ns, runtime::Rng& rng);

  enum class Change { kStatus, kOther };
  // Called with the key of each deployment that a change concerns; kStatus: its status is all that changed, which is
  // mostly our own writing.
  void on_change(std::function<void(const std::string& key, Change change)> callback) {
    on_change_ = std::move(callback);
  }
  // Called once, when all kinds have been listed.
  void on_synced(std::function<void()> callback) { on_synced_ = std::move(callback); }
  // Starts to watch; ends when stopped.
  void start(boost::asio::io_context& context, const StopToken& stop);

  const std::map<std::string, std::shared_ptr<const kube::PDDeployment>>& deployments() const {
    return deployments_.store().all();
  }

  // All that is known about one deployment now; nothing when it is not (any more) there.
  std::optional<plan::Snapshot> observe(const std::string& key, const plan::Settings& settings) const;

  // The newest resourceVersion seen of a kind ("Pod", "ConfigMap", "Service", "PDDeployment").
  const std::string& version(std::string_view kind) const;

 private:
  void index();
  void index_pod(const kube::Pod& pod, bool present);
  void node_changed(const std::shared_ptr<const kube::Node>& before, const std::shared_ptr<const kube::Node>& after);
  void concern(const std::string& key, Change change = Change::kOther) const;
  void kind_synced();

  runtime::Reflector<kube::PDDeployment> deployments_;
  runtime::Reflector<kube::Pod> pods_;
  runtime::Reflector<kube::Node> nodes_;
  runtime::Reflector<kube::ConfigMap> config_maps_;
  runtime::Reflector<kube::Service> services_;
  std::map<std::string, std::set<std::string>> pods_by_deployment_;        // key -> keys of pods
  std::map<std::string, std::map<std::string, int>> deployments_by_node_;  // node -> key -> pods on it
  std::map<std::string, std::string> resource_by_node_;                    // node -> the resource its inventory names
  int unsynced_ = 5;
  std::function<void(const std::string&, Change)> on_change_;
  std::function<void()> on_synced_;
};

}  // namespace pd::op
