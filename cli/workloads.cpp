#include "cli/workloads.h"

#include "kube/json_members.h"

namespace pd::cli {
namespace {

using kube::array_member;
using kube::object_member;
using kube::text_member;

// "apps/Deployment": the API group and the kind.
std::string type_of(const Json& workload) {
  const std::string version = text_member(workload, "apiVersion");
  const std::size_t slash = version.find('/');
  return (slash == std::string::npos ? "" : version.substr(0, slash + 1)) + text_member(workload, "kind");
}

// Those members of an object at `place` that are there.
void add_members(const Json& workload, const std::string& place, const std::vector<const char*>& members,
                 const std::string& part, std::vector<PodTemplate>& templates) {
  const Json& holder = workload.at(Json::json_pointer(place));
  for (const char* member : members) {
    if (holder.is_object() && holder.contains(member)) templates.push_back({place + "/" + member, part});
  }
}

// Likewise of each element of a list.
void add_parts(const Json& workload, const std::string& list, const std::vector<const char*>& members,
               std::vector<PodTemplate>& templates) {
  const Json::json_pointer place(list);
  if (!workload.contains(place) || !workload.at(place).is_array()) return;
  for (std::size_t i = 0; i < workload.at(place).size(); ++i) {
    const std::string part = text_member(workload.at(place)[i], "name");
    add_members(workload, list + "/" + std::to_string(i), members, part, templates);
  }
}

}  // namespace

std::vector<PodTemplate> pod_templates(const Json& workload) {
  const std::string type = type_of(workload);
  std::vector<PodTemplate> templates;
  if (type == "Pod") {
    templates.push_back({});
  } else if (type == "apps/Deployment" || type == "apps/StatefulSet") {
    if (workload.contains("/spec"_json_pointer)) add_members(workload, "/spec", {"template"}, "", templates);
  } else if (type == "leaderworkerset.x-k8s.io/LeaderWorkerSet") {
    if (workload.contains("/spec/leaderWorkerTemplate"_json_pointer)) {
      add_members(workload, "/spec/leaderWorkerTemplate", {"leaderTemplate", "workerTemplate"}, "", templates);
    }
  } else if (type == "batch.volcano.sh/Job") {
    add_parts(workload, "/spec/tasks", {"template"}, templates);
  } else if (type == "workload.serving.volcano.sh/ModelServing") {
    add_parts(workload, "/spec/template/roles", {"entryTemplate", "workerTemplate"}, templates);
  }
  return templates;
}

void let_pods_wait_together(Json& workload, bool places_are_fixed) {
  const std::string type = type_of(workload);
  if (type == "apps/StatefulSet") workload["spec"]["podManagementPolicy"] = "Parallel";
  if (type == "leaderworkerset.x-k8s.io/LeaderWorkerSet") workload["spec"]["startupPolicy"] = "LeaderCreated";
  const bool rolls = text_member(object_member(object_member(workload, "spec"), "strategy"), "type") != "Recreate";
  if (type == "apps/Deployment" && places_are_fixed && rolls) {
    workload["spec"]["strategy"] = {{"type", "RollingUpdate"},
                                    {"rollingUpdate", {{"maxSurge", 0}, {"maxUnavailable", 1}}}};
  }
}

}  // namespace pd::cli
