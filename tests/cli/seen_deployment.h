// A deployment as pdctl sees it in a cluster: a scheduler and a prefill pod that run, a decode pod that has no place
// yet. Thread: for tests.
#pragma once

#include "cli/deployment_view.h"
#include "kube/resource.h"
#include "tests/cli/fixture.h"

namespace pd::test {

inline Json seen_deployment_object() {
  return Json::parse(R"({
    "apiVersion": "pd-operator.io/v1alpha1", "kind": "PDDeployment",
    "metadata": {"name": "qwen", "namespace": "llm", "uid": "uid-qwen", "resourceVersion": "5", "generation": 1},
    "spec": {},
    "status": {"ranktable": {"configMap": "qwen-ranktable", "state": "Completed", "generation": 7, "npus": 4},
               "scheduler": {"ready": 1, "updated": 1, "summary": "1/1"},
               "prefill": {"ready": 1, "updated": 1, "summary": "1/1"},
               "decode": {"ready": 0, "updated": 1, "summary": "0/1"},
               "conditions": [{"type": "Ready", "status": "False", "reason": "InstanceLost",
                               "message": "Decode-0 is lost."}]}})");
}

inline Json seen_pod_object(const std::string& role, const std::string& incarnation) {
  const std::string name = "qwen-" + role + "-0-0-" + incarnation;
  return {{"metadata",
           {{"name", name},
            {"namespace", "llm"},
            {"uid", "uid-" + name},
            {"resourceVersion", "6"},
            {"labels",
             {{"pd-operator.io/deployment", "qwen"},
              {"pd-operator.io/role", role},
              {"pd-operator.io/instance", "0"},
              {"pd-operator.io/pod-index", "0"}}}}},
          {"spec", {{"nodeName", role == "decode" ? "node-1" : "node-0"}}},
          {"status", {{"phase", "Pending"}}}};
}

inline Json running(Json pod, const std::string& address) {
  pod["metadata"]["annotations"]["pd-operator.io/ranktable-generation"] = "7";
  pod["status"] = {
      {"phase", "Running"}, {"podIP", address}, {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}}})}};
  return pod;
}

inline std::vector<Json> seen_pod_objects() {
  return {running(seen_pod_object("scheduler", "1"), "10.0.0.1"), running(seen_pod_object("prefill", "1"), "10.0.0.18"),
          seen_pod_object("decode", "2")};
}

inline Json seen_config_map_object() {
  return {
      {"metadata",
       {{"name", "qwen-ranktable"},
        {"namespace", "llm"},
        {"resourceVersion", "7"},
        {"labels", {{"pd-operator.io/deployment", "qwen"}}}}},
      {"data",
       {{"local_ranktable_prefill-0.json", cli::content_of(cli::sample_path("local_ranktable_10.0.0.18_45.json"))}}}};
}

inline cli::Observed seen_deployment() {
  cli::Observed observed{*kube::decode_pddeployment(seen_deployment_object())};
  for (const Json& pod : seen_pod_objects()) observed.pods.push_back(*kube::Resource<kube::Pod>::decode(pod));
  observed.config_map = *kube::Resource<kube::ConfigMap>::decode(seen_config_map_object());
  return observed;
}

}  // namespace pd::test
