// The rest of the cluster in a simulated run: its nodes, a scheduler that binds pods where the API says that NPUs are
// free, the controllers that evict the pods of dead nodes and collect those of deleted ones, and the garbage collector.
// They see what is written some time later, and no fault touches their requests.
//
//   SimCluster cluster(world, 3, 8);
//   cluster.notice();      // after each write
//
// Thread: one. The world must outlive it.
#pragma once

#include <memory>

#include "tests/simulation/sim_node.h"

namespace pd::test {

class SimCluster {
 public:
  SimCluster(World& world, int nodes, int devices);

  std::vector<std::unique_ptr<SimNode>>& nodes() { return nodes_; }
  const std::vector<std::unique_ptr<SimNode>>& nodes() const { return nodes_; }
  SimNode* node(const std::string& name) const;
  // Who holds it, or held it, and on which node.
  const SimNode::Held* ever_held(const std::string& uid, const SimNode** where) const;

  // Kubelets and controllers hear of what was written since the last time.
  void notice();

  void cordon(const std::string& node, bool on);
  void drain(const std::string& node);  // cordons it, and its pods are deleted
  void fail(SimNode& node, Duration time);
  void remove_node(SimNode& node, Duration time);  // its Node is deleted; a new machine comes by that name

 private:
  void pod_noticed(const SimChange& change);
  void schedule_soon();
  void schedule();
  void bind(const std::string& key, const Json& pod, std::map<std::string, int>& used);
  void evict_pods_of(const std::string& node);
  void collect_pods_of(const std::string& node);
  void collect_garbage_soon();
  bool takes_pods(const SimNode& node) const;
  std::vector<std::pair<std::string, ObjectPtr>> pods_on(const std::string& node) const;

  World& world_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::set<std::string> cordoned_;
  std::set<std::string> not_ready_;  // as the node controller sees it
  std::size_t seen_pods_ = 0;        // changes of the store
  std::size_t seen_maps_ = 0;
  std::size_t seen_deployments_ = 0;
  bool scheduling_ = false;
  bool collecting_ = false;
  bool orphans_ = false;  // there may be some: a deployment was deleted
};

}  // namespace pd::test
