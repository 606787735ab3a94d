#include "tests/simulation/people.h"

#include <algorithm>

#include "kube/json_members.h"
#include "tests/simulation/safety_checks.h"
#include "tests/simulation/sim_process.h"

namespace pd::test {
namespace {

const std::string kDeployments = "/apis/pd-operator.io/v1alpha1/namespaces/" + kNamespace + "/pddeployments";
const std::string kMaps = "/api/v1/namespaces/" + kNamespace + "/configmaps";

int draw(runtime::Rng& rng, int least, int most) { return std::uniform_int_distribution<int>(least, most)(rng); }

template <typename T>
const T& one_of(const std::vector<T>& all, runtime::Rng& rng) {
  return all[std::uniform_int_distribution<std::size_t>(0, all.size() - 1)(rng)];
}

Json pod_template(bool host_network, const std::string& image) {
  Json made = {{"metadata", {{"labels", {{"app", "vllm"}}}}},
               {"spec", {{"containers", Json::array({{{"name", "engine"}, {"image", image}}})}}}};
  if (host_network) made["spec"]["hostNetwork"] = true;
  return made;
}

Json annotated(const std::string& key, const Json& value) { return {{"metadata", {{"annotations", {{key, value}}}}}}; }
Json labelled(const std::string& key, const Json& value) { return {{"metadata", {{"labels", {{key, value}}}}}}; }

}  // namespace

void People::make_deployments(int count) {
  for (int i = 0; i < count; ++i) {
    const std::string name = i == 0 ? "qwen" : "deep";
    names_.insert(name);
    world_.as_user("POST", kDeployments, deployment(name, i, world_.rng()));
  }
}

Json People::deployment(const std::string& name, int number, runtime::Rng& rng) const {
  const bool host_network = draw(rng, 0, 4) == 0;
  const int layout = draw(rng, 0, 9);
  // Peers that are restarted must be back within lostGraceSeconds and the time that their predecessors have to end. Those
  // who come later are left out, and then new, for which their peers are restarted once more.
  const bool restarts = draw(rng, 0, 2) == 0;
  Json ranktable = {{"lostGraceSeconds", restarts ? one_of<int>({30, 60}, rng) : one_of<int>({0, 5, 30}, rng)}};
  if (layout == 8) ranktable["profile"] = "PerInstance";
  if (layout == 9) ranktable["profile"] = "OmniK8s";
  if (draw(rng, 0, 3) == 0) ranktable["publishPolicy"] = "Available";
  if (host_network) ranktable["serverID"] = "PerInstance";
  Json spec = {{"ranktable", ranktable},
               {"gate", {{"image", "pd-gate:1"}, {"port", 8089 + 100 * number}, {"sidecar", draw(rng, 0, 5) > 0}}},
               {"scheduler", {{"template", pod_template(host_network, "scheduler:1")}}}};
  for (const char* role : {"prefill", "decode"}) {
    spec[role] = {{"instances", draw(rng, 1, 2)},
                  {"npusPerPod", draw(rng, 1, 2)},
                  {"template", pod_template(host_network, "vllm:1")},
                  {"onPeerChange", restarts && draw(rng, 0, 1) == 0 ? "Restart" : "Reload"},
                  {"restart", {{"backoffSeconds", 1}, {"maxBackoffSeconds", 8}}}};
    // Two of one instance must not be on one node with one address; nothing here keeps them apart.
    if (layout >= 8 && !host_network && draw(rng, 0, 1) == 0) spec[role]["podsPerInstance"] = 2;
    if (!restarts && draw(rng, 0, 5) == 0) spec[role]["podReplacementPolicy"] = "Gone";
  }
  return {{"apiVersion", "pd-operator.io/v1alpha1"},
          {"kind", "PDDeployment"},
          {"metadata", {{"name", name}}},
          {"spec", spec}};
}

void People::edit(const std::string& name, const Json& spec) {
  world_.as_user("PATCH", kDeployments + "/" + name, {{"spec", spec}});
}

void People::perform(const Act& act) {
  runtime::Rng rng(act.choice);
  if (act.kind <= ActKind::kPolicyChanged || act.kind == ActKind::kNameTaken ||
      act.kind == ActKind::kDeploymentRemade) {
    act_on_spec(act, rng);
  } else if (act.kind == ActKind::kMapDeleted || act.kind == ActKind::kMapEdited) {
    act_on_map(act, rng);
  } else if (act.kind >= ActKind::kNodeDrained || act.kind == ActKind::kNodeForged) {
    act_on_node(act, rng);
  } else {
    act_on_pod(act, rng);
  }
}

// ---- PDDeployments.

void People::act_on_spec(const Act& act, runtime::Rng& rng) {
  const std::string name = one_of(std::vector<std::string>(names_.begin(), names_.end()), rng);
  const std::string role = draw(rng, 0, 1) == 0 ? "prefill" : "decode";
  switch (act.kind) {
    case ActKind::kScaled:
      return edit(name, {{role, {{"instances", draw(rng, 1, 3)}}}});
    case ActKind::kScaledToZero:
      return edit(name, {{role, {{"instances", 0}}}});
    case ActKind::kTemplateChanged: {
      Json edited = pod_template(false, "vllm:" + std::to_string(draw(rng, 1, 3)));
      return edit(name, {{draw(rng, 0, 5) == 0 ? "scheduler" : role, {{"template", edited}}}});
    }
    case ActKind::kNpusChanged:
      return edit(name, {{role, {{"npusPerPod", 1 << draw(rng, 0, 2)}}}});
    case ActKind::kPausedOrNot:
      return edit(name, {{"paused", draw(rng, 0, 1) == 0}});
    case ActKind::kNameTaken:
      return take_name(rng, name);
    case ActKind::kDeploymentRemade:
      return remake(act, name);
    default:
      return act_on_policy(rng, name, role);
  }
}

void People::act_on_policy(runtime::Rng& rng, const std::string& name, const std::string& role) {
  // Where peers are restarted, all stays as deployment() says.
  const ObjectPtr live = world_.etcd().find(kind_of("pddeployments"), kNamespace + "/" + name);
  if (!live || dump_json(live->json()).find("\"Restart\"") != std::string::npos) return;
  switch (draw(rng, 0, 4)) {
    case 0:
      return edit(name, {{"ranktable", {{"publishPolicy", draw(rng, 0, 1) == 0 ? "Complete" : "Available"}}}});
    case 1:
      return edit(name, {{"ranktable", {{"lostGraceSeconds", draw(rng, 0, 30)}}}});
    case 2:
      return edit(name, {{role, {{"podReplacementPolicy", draw(rng, 0, 1) == 0 ? "Gone" : "TerminatingOrFailed"}}}});
    case 3:
      return edit(name, {{role, {{"rollingUpdate", {{"maxUnavailable", draw(rng, 1, 2)}}}}}});
    default:
      return edit(name, {{role, {{"onPeerChange", draw(rng, 0, 1) == 0 ? "Reload" : "Ignore"}}}});
  }
}

void People::take_name(runtime::Rng& rng, const std::string& name) {
  const Json container = {{"name", "theirs"}, {"image", "theirs:1"}};
  if (draw(rng, 0, 3) == 0) {
    world_.as_user("POST", kMaps, {{"metadata", {{"name", name + "-ranktable"}}}, {"data", {{"theirs", "yes"}}}});
    foreign_.push_back(kMaps + "/" + name + "-ranktable");
    return;
  }
  const std::string pod = name + "-" + (draw(rng, 0, 1) == 0 ? "prefill-" : "decode-") +
                          std::to_string(draw(rng, 0, 2)) + "-0-" + std::to_string(draw(rng, 1, 4));
  Json object = {{"metadata", {{"name", pod}}}, {"spec", {{"containers", Json::array({container})}}}};
  // Some look like ours.
  if (draw(rng, 0, 1) == 0) {
    object["metadata"]["labels"] = {{"pd-operator.io/deployment", name},
                                    {"pd-operator.io/role", "prefill"},
                                    {"pd-operator.io/instance", "0"},
                                    {"pd-operator.io/pod-index", "0"}};
  }
  if (world_.as_user("POST", "/api/v1/namespaces/" + kNamespace + "/pods", object).status == 201) {
    foreign_.push_back("/api/v1/namespaces/" + kNamespace + "/pods/" + pod);
  }
}

void People::remake(const Act& act, const std::string& name) {
  const ObjectPtr live = world_.etcd().find(kind_of("pddeployments"), kNamespace + "/" + name);
  if (!live) return;
  const Json made = {{"metadata", {{"name", name}}}, {"spec", live->json()["spec"]}};
  world_.as_user("DELETE", kDeployments + "/" + name);
  // At once, or after a while.
  const bool at_once = act.choice % 3 == 0;
  world_.after(at_once ? Duration::zero() : act.duration / 3,
               [this, made] { world_.as_user("POST", kDeployments, made); });
}

// ---- ConfigMaps.

void People::act_on_map(const Act& act, runtime::Rng& rng) {
  const std::string path =
      kMaps + "/" + one_of(std::vector<std::string>(names_.begin(), names_.end()), rng) + "-ranktable";
  if (act.kind == ActKind::kMapDeleted) {
    world_.as_user("DELETE", path);
    return;
  }
  const std::vector<Json> edits = {
      {{"data", {{"global_ranktable.json", "{\"status\":\"completed\"}"}}}},
      {{"data", {{"global_ranktable.json", nullptr}}}},
      {{"data", {{"local_ranktable_prefill-0.json", "\xc3\x28 not even text"}}}},
      {{"data", {{"generation", "999999999"}}}},
      {{"data", {{"generation", "0"}}}},
      annotated("pd-operator.io/generation", "1"),
      annotated("pd-operator.io/generation", "99999999999999999999"),
      annotated("pd-operator.io/digest", nullptr),
      annotated("pd-operator.io/epoch", "77"),
      labelled("pd-operator.io/deployment", nullptr),
      labelled("pd-operator.io/deployment", "another"),
      {{"metadata", {{"ownerReferences", nullptr}}}},
      {{"data", nullptr}},
  };
  world_.as_user("PATCH", path, one_of(edits, rng));
}

// ---- Pods.

People::Pick People::pods_of(const std::string& name) const {
  Pick pods = world_.etcd().all(kind_of("pods"));
  std::erase_if(pods, [&](const auto& pod) { return !pod.first.starts_with(kNamespace + "/" + name + "-"); });
  return pods;
}

void People::act_on_pod(const Act& act, runtime::Rng& rng) {
  const Pick pods = pods_of(one_of(std::vector<std::string>(names_.begin(), names_.end()), rng));
  if (pods.empty()) return;
  const auto& [key, pod] = one_of(pods, rng);
  const std::string path = pod_path(key);
  SimNode* node = cluster_.node(kube::text_member(kube::object_member(pod->json(), "spec"), "nodeName"));
  switch (act.kind) {
    case ActKind::kPodDeleted:
      world_.as_user("DELETE", path);
      break;
    case ActKind::kPodKilled:
      world_.as_user("DELETE", path + "?gracePeriodSeconds=0");
      break;
    case ActKind::kClaimForged:
      forge_claim(key, *pod, rng);
      break;
    case ActKind::kLabelForged:
      world_.as_user(
          "PATCH", path,
          one_of<Json>({labelled("pd-operator.io/instance", std::to_string(draw(rng, 0, 3))),
                        labelled("pd-operator.io/instance", "x"), labelled("pd-operator.io/role", "decode"),
                        labelled("pd-operator.io/deployment", nullptr), labelled("pd-operator.io/epoch", "9"),
                        labelled("pd-operator.io/incarnation", "9"), labelled("pd-operator.io/pods-per-instance", "9")},
                       rng));
      break;
    case ActKind::kTouchForged:
      world_.as_user(
          "PATCH", path,
          annotated("pd-operator.io/ranktable-generation", one_of<Json>({"x", "1", "999999999", nullptr}, rng)));
      break;
    case ActKind::kPodEvicted:
      if (node != nullptr) node->evict(pod->meta_text("uid"));
      break;
    default:
      if (node != nullptr) node->crash(pod->meta_text("uid"));
  }
}

// Devices that it does not hold; or what is no list of devices.
void People::forge_claim(const std::string& key, const SimObject& pod, runtime::Rng& rng) {
  const std::vector<std::string> names = {"ascend.kubectl.kubernetes.io/ascend-910-configuration",
                                          "huawei.com/AscendReal"};
  const int id = draw(rng, 0, 7);
  Json devices = Json::array();
  for (int i = 0; i < std::max(1, npus_of(pod.json())); ++i)
    devices.push_back({{"device_id", std::to_string((id + i) % 8)}});
  const std::vector<std::string> values = {dump_json(Json{{"devices", devices}}), "Ascend910-" + std::to_string(id),
                                           "{\"devices\":[{\"device_id\":", "\xff\xfe"};
  world_.as_user("PATCH", pod_path(key), annotated(one_of(names, rng), one_of(values, rng)));
}

// ---- Nodes.

void People::act_on_node(const Act& act, runtime::Rng& rng) {
  SimNode& node = *one_of(std::vector<SimNode*>([&] {
                            std::vector<SimNode*> nodes;
                            for (const auto& each : cluster_.nodes()) nodes.push_back(each.get());
                            return nodes;
                          }()),
                          rng);
  const auto device = static_cast<std::size_t>(draw(rng, 0, static_cast<int>(node.inventory().devices.size()) - 1));
  switch (act.kind) {
    case ActKind::kNodeForged:
      return forge_node(node, rng);
    case ActKind::kNodeDrained:
      cluster_.drain(node.name());
      world_.after(act.duration, [this, name = node.name()] { cluster_.cordon(name, false); });
      return;
    case ActKind::kNodeDead:
    case ActKind::kNodeLost:
    case ActKind::kNodeReplaced:
      return fail_node(node, act);
    case ActKind::kKubeletRestarted:
      return node.restart_kubelet(act.duration / 3);
    case ActKind::kKubeletLags:
      return node.lag(act.duration * 3);
    case ActKind::kSidecarsMute:
      return node.mute(act.duration);
    case ActKind::kLinkChanged:
      return node.edit_inventory([&](npu::Inventory& inventory) {
        std::string& link = inventory.devices.at(device).link;
        link = link == "up" ? "down" : "up";
      });
    default:
      return change_address(node, device, act);
  }
}

// Some take one that another node's device has, until somebody notices.
void People::change_address(SimNode& node, std::size_t device, const Act& act) {
  const std::string fresh = "29.1." + std::to_string(++addresses_) + ".1";
  const auto set = [&node, device](const std::string& address) {
    node.edit_inventory([&](npu::Inventory& inventory) { inventory.devices.at(device).ip = address; });
  };
  const SimNode& other = *cluster_.nodes().front();
  if (act.choice % 3 > 0 || &other == &node) return set(fresh);
  set(other.inventory().devices.front().ip);
  world_.after(act.duration, [set, fresh] { set(fresh); });
}

// What nobody may believe: a lie that could be true is not for people to tell.
void People::forge_node(SimNode& node, runtime::Rng& rng) {
  const char* key = draw(rng, 0, 1) == 0 ? "pd-operator.io/npu-inventory" : "pd-operator.io/npu-allocations";
  const std::vector<Json> values = {nullptr, "", "{\"v\":1,\"devices\":[{\"id\":", "{\"v\":7}", std::string(100, '[')};
  world_.as_user("PATCH", "/api/v1/nodes/" + node.name(), annotated(key, one_of(values, rng)));
}

void People::fail_node(SimNode& node, const Act& act) {
  if (!node.up()) return;
  const bool lost = act.kind == ActKind::kNodeLost;
  // One node alone has not the NPUs for all, and for a rolling update besides.
  if (lost && (lost_one_ || cluster_.nodes().size() < 3)) return;
  lost_one_ = lost_one_ || lost;
  int index = first_agent_;
  while (cluster_.nodes()[static_cast<std::size_t>(index - first_agent_)].get() != &node) ++index;
  SimProcess& agent = world_.process(index);
  agent.kill();
  if (act.kind == ActKind::kNodeReplaced) {
    cluster_.remove_node(node, act.duration);
  } else {
    cluster_.fail(node, lost ? Duration::max() : act.duration);
  }
  if (!lost) world_.after(act.duration, [&agent] { agent.start(); });
}

// ---- At the end.

void People::put_right() {
  for (const std::string& path : foreign_) {
    // Only while it is still theirs.
    const kube::HttpResponse there = world_.as_user("GET", path);
    const Json object = Json::parse(there.body, nullptr, false);
    if (there.status == 200 && !object["metadata"].contains("ownerReferences")) {
      world_.as_user("DELETE", path + "?gracePeriodSeconds=0");
    }
  }
  for (const std::string& name : names_) {
    edit(name, {{"paused", false}});
    // A pod that was taken out of the deployment keeps its NPUs until somebody deletes it.
    for (const auto& [key, pod] : pods_of(name)) {
      const Json& labels = kube::object_member(pod->meta(), "labels");
      const std::string slot = kube::text_member(labels, "pd-operator.io/deployment") + "-" +
                               kube::text_member(labels, "pd-operator.io/role") + "-" +
                               kube::text_member(labels, "pd-operator.io/instance") + "-";
      if (!pod->meta_text("name").starts_with(slot)) world_.as_user("DELETE", pod_path(key));
      if (waits_for_lost_node(*pod, name)) world_.as_user("DELETE", pod_path(key) + "?gracePeriodSeconds=0");
      const Json claims = {{"ascend.kubectl.kubernetes.io/ascend-910-configuration", nullptr},
                           {"huawei.com/AscendReal", nullptr}};
      world_.as_user("PATCH", pod_path(key), {{"metadata", {{"annotations", claims}}}});
    }
    // A ConfigMap without an owner is nobody's.
    const ObjectPtr map = world_.etcd().find(kind_of("configmaps"), kNamespace + "/" + name + "-ranktable");
    if (map && !map->meta().contains("ownerReferences")) world_.as_user("DELETE", kMaps + "/" + name + "-ranktable");
  }
}

// By podReplacementPolicy Gone, until somebody says that the pods of that node are gone.
bool People::waits_for_lost_node(const SimObject& pod, const std::string& name) const {
  const SimNode* node = cluster_.node(kube::text_member(kube::object_member(pod.json(), "spec"), "nodeName"));
  const ObjectPtr deployment = world_.etcd().find(kind_of("pddeployments"), kNamespace + "/" + name);
  const std::optional<SlotName> slot = slot_of(name, pod.meta_text("name"));
  if (node == nullptr || node->up() || !deployment || !slot || !pod.terminating()) return false;
  const Json& role = kube::object_member(kube::object_member(deployment->json(), "spec"), slot->role.c_str());
  return kube::text_member(role, "podReplacementPolicy") == "Gone";
}

void People::want_little() {
  for (const std::string& name : names_) {
    for (const char* role : {"prefill", "decode"})
      edit(name, {{role, {{"instances", 1}, {"npusPerPod", 1}, {"podsPerInstance", 1}}}});
  }
}

}  // namespace pd::test
