#include "tests/simulation/rest_checks.h"

#include <algorithm>

#include "kube/json_members.h"
#include "kube/pddeployment.h"
#include "ranktable/profile.h"
#include "tests/simulation/safety_checks.h"

namespace pd::test {
namespace {

using kube::object_member;
using kube::text_member;

bool is_ready(const Json& pod) {
  for (const Json& condition : kube::array_member(object_member(pod, "status"), "conditions")) {
    if (condition.value("type", "") == "Ready") return condition.value("status", "") == "True";
  }
  return false;
}

// One deployment, against its pods and their nodes.
class Rest {
 public:
  Rest(World& world, const SimCluster& cluster, const ObjectPtr& object)
      : cluster_(cluster), deployment_(*kube::decode_pddeployment(object->json())) {
    map_ = world.etcd().find(kind_of("configmaps"), deployment_.meta.key() + "-ranktable");
    for (const auto& [key, pod] : world.etcd().all(kind_of("pods"))) {
      const std::optional<SlotName> slot = slot_of(deployment_.meta.name, pod->meta_text("name"));
      if (slot && pod->meta_text("namespace") == deployment_.meta.ns && is_own(pod->json()))
        pods_.push_back({*slot, pod});
    }
  }

  std::string why_not() {
    if (!map_) return "it has no ConfigMap";
    if (std::string why = pods_are_wrong(); !why.empty()) return why;
    const bool zero = deployment_.prefill.instances == 0 || deployment_.decode.instances == 0;
    std::string why = zero ? table_is_not_taken_back() : table_is_wrong();
    if (!why.empty()) return why;
    if (text_member(object_member(map_->json(), "data"), "generation") !=
        std::to_string(deployment_.status.ranktable.generation)) {
      return "the status has another generation than the ConfigMap";
    }
    if (deployment_.status.observed_generation != deployment_.meta.generation) return "the spec has not been observed";
    if (zero) {
      // They are asked ever more rarely, while one does not answer.
      if (is_false("RanktableDelivered")) return "its pods do not see the table yet";
      why = condition_is_not("RanktableReady", "False", "ScaledToZero");
      // An update may be under way for as long as no pod can become Ready; what is known of the NPUs must be right.
      return why.empty() && is_false("DevicesDiscovered") ? "the NPUs of its pods are not known" : why;
    }
    for (const char* type : {"Ready", "Available", "TemplatesValid", "DevicesDiscovered", "RanktableReady"}) {
      if (why = condition_is_not(type, "True"); !why.empty()) return why;
    }
    why = deployment_.gate.sidecar ? condition_is_not("RanktableDelivered", "True")
                                   : condition_is_not("RanktableDelivered", "Unknown", "NoSidecar");
    if (!why.empty()) return why;
    why = condition_is_not("Progressing", "False");
    // A pod of the deployment before may be on a node that is dead; a Service that a watch did not tell of is found
    // within minutes.
    return why.empty() && says("Progressing", "Service ") ? "the name of a Service is taken" : why;
  }

 private:
  struct Pod {
    SlotName slot;
    ObjectPtr object;
  };

  bool is_own(const Json& pod) const {
    for (const Json& owner : kube::array_member(pod["metadata"], "ownerReferences")) {
      if (owner.value("controller", false) && owner.value("uid", "") == deployment_.meta.uid) return true;
    }
    return false;
  }

  std::vector<std::pair<SlotName, const kube::RoleSpec*>> wanted() const {
    std::vector<std::pair<SlotName, const kube::RoleSpec*>> slots = {{{"scheduler", 0, 0, 0}, &deployment_.scheduler}};
    for (const auto& [role, spec] :
         {std::pair{"prefill", &deployment_.prefill}, std::pair{"decode", &deployment_.decode}}) {
      for (int i = 0; i < spec->instances; ++i) {
        for (int pod = 0; pod < spec->pods_per_instance; ++pod) slots.push_back({{role, i, pod, 0}, spec});
      }
    }
    return slots;
  }

  const SimObject* occupant(const SlotName& slot) const {
    for (const Pod& pod : pods_) {
      if (pod.slot.same_slot(slot) && !pod.object->terminating()) return pod.object.get();
    }
    return nullptr;
  }

  std::string pods_are_wrong() const {
    const bool zero = deployment_.prefill.instances == 0 || deployment_.decode.instances == 0;
    std::size_t live = 0;
    for (const Pod& pod : pods_) {
      const SimNode* node = cluster_.node(text_member(object_member(pod.object->json(), "spec"), "nodeName"));
      if (!pod.object->terminating()) ++live;
      if (pod.object->terminating() && (node == nullptr || node->up())) {
        return pod.object->meta_text("name") + " is still terminating";
      }
    }
    const auto slots = wanted();
    for (const auto& [slot, spec] : slots) {
      const std::string name = slot.instance_name() + "-" + std::to_string(slot.pod);
      const SimObject* pod = occupant(slot);
      if (pod == nullptr) return name + " has no pod";
      if (is_over(pod->json())) return name + " waits for a successor";
      if (!zero && !is_ready(pod->json())) return name + " is not Ready";
    }
    return live == slots.size() ? ""
                                : "it has " + std::to_string(live) + " pods, and wants " + std::to_string(slots.size());
  }

  std::string table(const char* key) const { return text_member(object_member(map_->json(), "data"), key); }

  std::string table_is_not_taken_back() const {
    return says_completed(table("global_ranktable.json")) ? "the table is completed, and a role has no instance" : "";
  }

  std::string table_is_wrong() const {
    if (!says_completed(table("global_ranktable.json"))) return "the table is not completed";
    for (const auto& [slot, spec] : wanted()) {
      const std::vector<ranktable::Server> servers =
          listed_servers(table(local_key_of(slot.instance_name()).c_str()), deployment_.ranktable.profile);
      const std::string name = slot.instance_name() + "-" + std::to_string(slot.pod);
      if (static_cast<int>(servers.size()) != (slot.role == "scheduler" ? 1 : spec->pods_per_instance)) {
        return name + " is not in the table";
      }
      const SimObject& pod = *occupant(slot);
      const ranktable::Server& server = servers[static_cast<std::size_t>(slot.pod)];
      if (server.ip != text_member(object_member(pod.json(), "status"), "podIP"))
        return name + " is listed with another address";
      if (std::string why = devices_are_wrong(pod, server, spec->npus_per_pod); !why.empty()) return name + why;
      const SimNode& node = *cluster_.node(text_member(object_member(pod.json(), "spec"), "nodeName"));
      const SimNode::Mounted* mounted = node.mounted(pod.meta_text("uid"));
      if (mounted == nullptr || std::to_string(mounted->generation) != table("generation"))
        return name + " does not see the table";
    }
    return "";
  }

  std::string devices_are_wrong(const SimObject& pod, const ranktable::Server& server, int npus) const {
    if (static_cast<int>(server.devices.size()) != npus) return " is listed with another number of NPUs";
    if (npus == 0) return "";
    const SimNode* node = nullptr;
    const SimNode::Held* held = cluster_.ever_held(pod.meta_text("uid"), &node);
    if (held == nullptr || held->devices.size() != server.devices.size()) return " holds other NPUs";
    for (std::size_t i = 0; i < server.devices.size(); ++i) {
      const auto id = static_cast<std::size_t>(held->devices[i]);
      if (server.devices[i].id != held->devices[i] || server.devices[i].ip != node->inventory().devices.at(id).ip) {
        return " holds other NPUs than the table lists";
      }
    }
    return "";
  }

  bool is_false(std::string_view type) const {
    const auto& conditions = deployment_.status.conditions;
    return std::any_of(conditions.begin(), conditions.end(), [&](const kube::Condition& condition) {
      return condition.type == type && condition.status == "False";
    });
  }

  std::string condition_is_not(const std::string& type, const std::string& status,
                               const std::string& reason = "") const {
    for (const kube::Condition& condition : deployment_.status.conditions) {
      if (condition.type != type || (condition.status == status && (reason.empty() || condition.reason == reason)))
        continue;
      return type + " is " + condition.status + ": " + condition.reason + ": " + condition.message;
    }
    return "";
  }

  bool says(std::string_view type, std::string_view beginning) const {
    return std::any_of(deployment_.status.conditions.begin(), deployment_.status.conditions.end(),
                       [&](const kube::Condition& condition) {
                         return condition.type == type && condition.message.starts_with(beginning);
                       });
  }

  const SimCluster& cluster_;
  kube::PDDeployment deployment_;
  ObjectPtr map_;
  std::vector<Pod> pods_;  // of this deployment, by its UID
};

}  // namespace

std::string not_at_rest(World& world, const SimCluster& cluster) {
  for (const auto& [key, object] : world.etcd().all(kind_of("pddeployments"))) {
    if (object->terminating()) return key + " is still terminating";
    const std::string why = Rest(world, cluster, object).why_not();
    if (!why.empty()) return key + ": " + why;
  }
  return "";
}

}  // namespace pd::test
