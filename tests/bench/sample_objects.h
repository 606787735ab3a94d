// Objects in the size and shape in which a busy cluster's API server sends them. Thread: pure functions.
#pragma once

#include <string>

#include "base/json.h"

namespace pd::bench {

inline Json container(int index) {
  const std::string name = "engine-" + std::to_string(index);
  return {{"name", name},
          {"image", "registry.example.com/inference/vllm-ascend:v0.9.1"},
          {"args", {"--model", "/models/qwen3-235b", "--tensor-parallel-size", "8", "--port", "8000"}},
          {"env", {{{"name", "RANK_TABLE_FILE"}, {"value", "/etc/pd-operator/ranktable/global.json"}}}},
          {"resources",
           {{"limits", {{"cpu", "64"}, {"huawei.com/Ascend910", "8"}, {"memory", "512Gi"}}},
            {"requests", {{"cpu", "64"}, {"huawei.com/Ascend910", "8"}, {"memory", "512Gi"}}}}},
          {"volumeMounts", {{{"name", "ranktable"}, {"mountPath", "/etc/pd-operator/ranktable"}, {"readOnly", true}}}},
          {"imagePullPolicy", "IfNotPresent"}};
}

inline Json condition(const std::string& type) {
  return {
      {"type", type}, {"status", "True"}, {"lastProbeTime", nullptr}, {"lastTransitionTime", "2026-11-24T06:34:56Z"}};
}

inline Json container_status(const Json& of) {
  return {{"name", of["name"]},
          {"image", of["image"]},
          {"imageID", "registry.example.com/inference/vllm-ascend@sha256:" + std::string(64, 'c')},
          {"containerID", "containerd://" + std::string(64, 'd')},
          {"ready", true},
          {"started", true},
          {"restartCount", 0},
          {"state", {{"running", {{"startedAt", "2026-11-24T06:35:10Z"}}}}}};
}

// managedFields are a third of many objects.
inline Json managed_fields() {
  return {{{"manager", "pd-operator"},
           {"operation", "Update"},
           {"apiVersion", "v1"},
           {"time", "2026-11-24T06:34:56Z"},
           {"fieldsType", "FieldsV1"},
           {"fieldsV1",
            {{"f:metadata", {{"f:labels", {{".", Json::object()}, {"f:pd-operator.io/deployment", Json::object()}}}}},
             {"f:spec", {{"f:containers", {{"k:{\"name\":\"engine-0\"}", {{"f:image", Json::object()}}}}}}}}}}};
}

// A pod of at least `bytes` bytes of compact JSON: as many containers as that takes.
inline Json pod_object(int index, std::size_t bytes) {
  const std::string number = std::to_string(index);
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
  pod["metadata"] = {{"name", "qwen3-prefill-" + number + "-0-1"},
                     {"namespace", "llm-serving"},
                     {"uid", "8f2c1e0a-5b77-4c21-9a63-" + std::to_string(100000000000 + index)},
                     {"resourceVersion", std::to_string(1000000 + index)},
                     {"generation", 1},
                     {"creationTimestamp", "2026-11-24T06:34:56Z"},
                     {"labels",
                      {{"pd-operator.io/deployment", "qwen3"},
                       {"pd-operator.io/role", "prefill"},
                       {"pd-operator.io/instance", number},
                       {"pd-operator.io/pod-index", "0"},
                       {"pd-operator.io/incarnation", "1"},
                       {"pd-operator.io/template-hash", "1-5d8c9f7b6c"},
                       {"app.kubernetes.io/managed-by", "pd-operator"}}},
                     {"annotations", {{"pd-operator.io/ranktable-generation", "17"}}},
                     {"ownerReferences",
                      {{{"apiVersion", "pd-operator.io/v1alpha1"},
                        {"kind", "PDDeployment"},
                        {"name", "qwen3"},
                        {"uid", "0d0c1e0a-5b77-4c21-9a63-000000000001"},
                        {"controller", true},
                        {"blockOwnerDeletion", true}}}}};
  if (bytes > 4000) pod["metadata"]["managedFields"] = managed_fields();
  pod["spec"] = {{"nodeName", "npu-node-" + std::to_string(index % 1000)},
                 {"hostNetwork", true},
                 {"restartPolicy", "Always"},
                 {"serviceAccountName", "default"},
                 {"schedulerName", "default-scheduler"},
                 {"terminationGracePeriodSeconds", 30},
                 {"volumes", {{{"name", "ranktable"}, {"configMap", {{"name", "qwen3-ranktable"}}}}}},
                 {"containers", {container(0)}}};
  pod["status"] = {{"phase", "Running"},
                   {"podIP", "10.244." + std::to_string(index / 250 % 250) + "." + std::to_string(index % 250)},
                   {"podIPs", {{{"ip", "10.244.0.1"}}}},
                   {"hostIP", "192.168.17." + std::to_string(index % 250)},
                   {"qosClass", "Guaranteed"},
                   {"startTime", "2026-11-24T06:34:56Z"},
                   {"conditions",
                    {condition("PodReadyToStartContainers"), condition("Initialized"), condition("Ready"),
                     condition("ContainersReady"), condition("PodScheduled")}}};
  Json& containers = pod["spec"]["containers"];
  Json& statuses = pod["status"]["containerStatuses"];
  statuses = {container_status(containers[0])};
  std::size_t size = pod.dump().size();
  for (int n = 1; size < bytes; ++n) {
    containers.push_back(container(n));
    statuses.push_back(container_status(containers.back()));
    size = pod.dump().size();
  }
  return pod;
}

// A Node as metadata alone, with the two annotations of pd-agent.
inline Json node_object(int index) {
  Json devices = Json::array();
  for (int id = 0; id < 16; ++id) {
    devices.push_back({{"id", id}, {"ip", "29.81." + std::to_string(index % 250) + "." + std::to_string(id + 1)}});
  }
  const std::string inventory = Json({{"version", 1}, {"devices", devices}}).dump();
  return {{"apiVersion", "meta.k8s.io/v1"},
          {"kind", "PartialObjectMetadata"},
          {"metadata",
           {{"name", "npu-node-" + std::to_string(index)},
            {"uid", "8f2c1e0a-5b77-4c21-9a63-" + std::to_string(200000000000 + index)},
            {"resourceVersion", std::to_string(2000000 + index)},
            {"labels", {{"kubernetes.io/hostname", "npu-node-" + std::to_string(index)}}},
            {"annotations",
             {{"pd-operator.io/npu-inventory", inventory},
              {"node.alpha.kubernetes.io/ttl", "0"},
              {"volumes.kubernetes.io/controller-managed-attach-detach", "true"}}},
            {"managedFields", managed_fields()}}}};
}

inline std::string added(const Json& object) { return R"({"type":"ADDED","object":)" + object.dump() + "}"; }

}  // namespace pd::bench
