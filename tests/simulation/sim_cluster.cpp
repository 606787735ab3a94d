#include "tests/simulation/sim_cluster.h"

#include <algorithm>

#include "kube/json_members.h"
#include "tests/simulation/sim_deletion.h"
#include "tests/simulation/sim_network.h"

namespace pd::test {
namespace {

using std::chrono::milliseconds;

std::string node_of(const Json& pod) { return kube::text_member(kube::object_member(pod, "spec"), "nodeName"); }

std::string key_of(const SimChange& change) {
  const SimObject& object = change.after ? *change.after : *change.before;
  return object.meta_text("namespace") + "/" + object.meta_text("name");
}

Duration millis(World& world, int least, int most) {
  return milliseconds(std::uniform_int_distribution<int>(least, most)(world.rng()));
}

}  // namespace

SimCluster::SimCluster(World& world, int nodes, int devices) : world_(world) {
  for (int n = 0; n < nodes; ++n) {
    const std::string name = "node-" + std::to_string(n);
    nodes_.push_back(std::make_unique<SimNode>(world, name, "10.0.0." + std::to_string(n + 1), devices));
    world.as_user("POST", "/api/v1/nodes", {{"metadata", {{"name", name}}}});
  }
}

SimNode* SimCluster::node(const std::string& name) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& node) { return node->name() == name; });
  return found == nodes_.end() ? nullptr : found->get();
}

const SimNode::Held* SimCluster::ever_held(const std::string& uid, const SimNode** where) const {
  for (const auto& node : nodes_) {
    const auto found = node->ever_held().find(uid);
    if (found == node->ever_held().end()) continue;
    *where = node.get();
    return &found->second;
  }
  return nullptr;
}

void SimCluster::notice() {
  const std::vector<SimChange>& pods = world_.etcd().changes(kind_of("pods"));
  while (seen_pods_ < pods.size()) pod_noticed(pods[seen_pods_++]);
  const std::vector<SimChange>& maps = world_.etcd().changes(kind_of("configmaps"));
  while (seen_maps_ < maps.size()) {
    const SimChange& change = maps[seen_maps_++];
    if (!change.before && orphans_) collect_garbage_soon();
    for (const auto& node : nodes_) node->map_changed(key_of(change));
  }
  const std::vector<SimChange>& deployments = world_.etcd().changes(kind_of("pddeployments"));
  while (seen_deployments_ < deployments.size()) {
    if (deployments[seen_deployments_++].after) continue;
    orphans_ = true;
    collect_garbage_soon();
  }
}

void SimCluster::pod_noticed(const SimChange& change) {
  const std::string key = key_of(change);
  if (!change.before && orphans_) collect_garbage_soon();
  std::set<std::string> nodes;
  if (change.before) nodes.insert(node_of(change.before->json()));
  if (change.after) nodes.insert(node_of(change.after->json()));
  for (const std::string& name : nodes) {
    if (SimNode* bound = node(name)) bound->pod_changed(key);
  }
  const bool unbound = change.after && node_of(change.after->json()).empty();
  if (unbound || !change.after || is_over(change.after->json())) schedule_soon();
  // Bound by a scheduler that had not heard yet.
  if (change.after && not_ready_.contains(node_of(change.after->json())) && !change.after->terminating()) {
    evict_pods_of(node_of(change.after->json()));
  }
}

// ---- The scheduler.

void SimCluster::schedule_soon() {
  if (scheduling_) return;
  scheduling_ = true;
  world_.after(millis(world_, 5, 300), [this] { schedule(); });
}

bool SimCluster::takes_pods(const SimNode& node) const {
  return !cordoned_.contains(node.name()) && !not_ready_.contains(node.name()) &&
         world_.etcd().find(kind_of("nodes"), node.name()) != nullptr;
}

void SimCluster::schedule() {
  scheduling_ = false;
  std::map<std::string, int> used;
  std::vector<std::pair<std::string, ObjectPtr>> waiting;
  for (const auto& [key, pod] : world_.etcd().all(kind_of("pods"))) {
    const std::string bound = node_of(pod->json());
    if (bound.empty() && !pod->terminating()) waiting.emplace_back(key, pod);
    if (!bound.empty() && !is_over(pod->json())) used[bound] += npus_of(pod->json());
  }
  // The largest first: where a small one takes the last whole node, a pod that needs all of a node waits for ever.
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const auto& a, const auto& b) { return npus_of(a.second->json()) > npus_of(b.second->json()); });
  for (const auto& [key, pod] : waiting) bind(key, pod->json(), used);
}

void SimCluster::bind(const std::string& key, const Json& pod, std::map<std::string, int>& used) {
  const int want = npus_of(pod);
  std::vector<const SimNode*> fitting;
  for (const auto& node : nodes_) {
    const int free = static_cast<int>(node->inventory().devices.size()) - used[node->name()];
    if (takes_pods(*node) && (want == 0 || free >= want)) fitting.push_back(node.get());
  }
  if (fitting.empty()) return;
  const SimNode& chosen = *fitting[std::uniform_int_distribution<std::size_t>(0, fitting.size() - 1)(world_.rng())];
  used[chosen.name()] += want;
  world_.as_user("POST", pod_path(key) + "/binding",
                 {{"apiVersion", "v1"},
                  {"kind", "Binding"},
                  {"metadata", {{"name", pod["metadata"]["name"]}}},
                  {"target", {{"kind", "Node"}, {"name", chosen.name()}}}});
}

// ---- Nodes that come and go.

std::vector<std::pair<std::string, ObjectPtr>> SimCluster::pods_on(const std::string& node) const {
  std::vector<std::pair<std::string, ObjectPtr>> found = world_.etcd().all(kind_of("pods"));
  std::erase_if(found, [&](const auto& each) { return node_of(each.second->json()) != node; });
  return found;
}

void SimCluster::cordon(const std::string& node, bool on) {
  if (on) cordoned_.insert(node);
  if (!on) cordoned_.erase(node);
  schedule_soon();
}

void SimCluster::drain(const std::string& node) {
  cordon(node, true);
  for (const auto& [key, pod] : pods_on(node)) world_.as_user("DELETE", pod_path(key));
}

void SimCluster::fail(SimNode& node, Duration time) {
  node.die(time);
  world_.after(millis(world_, 2000, 8000), [this, &node] {
    if (node.up()) return;
    not_ready_.insert(node.name());
    world_.after(millis(world_, 500, 6000), [this, &node] { evict_pods_of(node.name()); });
  });
  if (time == Duration::max()) return;
  world_.after(time + millis(world_, 100, 2000), [this, &node] {
    if (!node.up()) return;
    not_ready_.erase(node.name());
    schedule_soon();
  });
}

// As the taint that a dead node gets: its pods are deleted, and nobody is there to end them.
void SimCluster::evict_pods_of(const std::string& name) {
  world_.after(millis(world_, 1, 100), [this, name] {
    if (!not_ready_.contains(name)) return;
    for (const auto& [key, pod] : pods_on(name)) {
      if (!pod->terminating()) world_.as_user("DELETE", pod_path(key));
    }
  });
}

void SimCluster::remove_node(SimNode& node, Duration time) {
  node.die(time);
  world_.as_user("DELETE", "/api/v1/nodes/" + node.name());
  collect_pods_of(node.name());
  world_.after(time, [this, &node] {
    world_.as_user("POST", "/api/v1/nodes", {{"metadata", {{"name", node.name()}}}});
    not_ready_.erase(node.name());
    node.wipe();
    schedule_soon();
  });
}

void SimCluster::collect_pods_of(const std::string& name) {
  world_.after(millis(world_, 500, 5000), [this, name] {
    if (world_.etcd().find(kind_of("nodes"), name)) return;
    for (const auto& [key, pod] : pods_on(name)) world_.as_user("DELETE", pod_path(key) + "?gracePeriodSeconds=0");
    collect_pods_of(name);
  });
}

// ---- The garbage collector.

void SimCluster::collect_garbage_soon() {
  if (collecting_) return;
  collecting_ = true;
  world_.after(millis(world_, 50, 2000), [this] {
    collecting_ = false;
    const int touched = collect_garbage(world_.etcd(), world_.clock().wall_now());
    notice();
    world_.network().pump();
    if (touched > 0) collect_garbage_soon();
  });
}

}  // namespace pd::test
