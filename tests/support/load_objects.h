// Objects in the size and shape of a busy cluster's, as they are written to an API server: it adds the rest itself.
// Thread: pure functions.
#pragma once

#include <string>

#include "tests/bench/sample_objects.h"

namespace pd::test {

// What the API server adds to a pod (uid, managedFields, defaults), and its status, about.
inline constexpr std::size_t kAddedToPod = 2640;

// The pod as it is created. Its status is another write: see pod_status(). It runs on that node and has
// an owner, which is not there (a garbage collector would delete it); or, without a node, it waits for ever for a
// scheduler that is not there: such a pod is gone as soon as it is deleted.
inline Json pod_to_create(const std::string& name, const std::string& node, std::size_t bytes) {
  const Json sample = bench::pod_object(0, 0);
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
  pod["metadata"] = {
      {"name", name}, {"labels", sample["metadata"]["labels"]}, {"annotations", sample["metadata"]["annotations"]}};
  Json container = {{"name", "engine"},
                    {"image", "registry.example.com/inference/vllm-ascend:v0.9.1"},
                    {"resources", {{"limits", {{"huawei.com/Ascend910", "8"}}}}},
                    {"args", {"--model", "/models/qwen3-235b"}}};
  pod["spec"] = {{"containers", {container}},
                 {"schedulerName", "nobody"},
                 {"automountServiceAccountToken", false},
                 {"terminationGracePeriodSeconds", 0}};
  if (!node.empty()) {
    pod["spec"]["nodeName"] = node;
    pod["metadata"]["ownerReferences"] = sample["metadata"]["ownerReferences"];
  }
  const std::size_t size = pod.dump().size() + kAddedToPod;
  // An argument a line, as long ones are rare.
  for (std::size_t left = bytes > size ? bytes - size : 0; left > 0; left -= std::min<std::size_t>(left, 64)) {
    pod["spec"]["containers"][0]["args"].push_back(std::string(std::min<std::size_t>(left, 61), 'x'));
  }
  return pod;
}

inline Json pod_status(int index) {
  const std::string address = "10.244." + std::to_string(index / 250 % 250) + "." + std::to_string(index % 250);
  return {{"phase", "Running"},
          {"podIP", address},
          {"hostIP", "192.168.17." + std::to_string(index % 250)},
          {"conditions", {bench::condition("Ready"), bench::condition("PodScheduled")}}};
}

// With pd-agent's annotation.
inline Json node_to_create(const std::string& name, int index) {
  const Json annotations = bench::node_object(index)["metadata"]["annotations"];
  return {{"apiVersion", "v1"}, {"kind", "Node"}, {"metadata", {{"name", name}, {"annotations", annotations}}}};
}

inline Json config_map_to_create(const std::string& name, int turn) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"labels", {{"pd-operator.io/deployment", "load"}}}}},
          {"data", {{"turn", std::to_string(turn)}, {"table", std::string(1000, 't')}}}};
}

}  // namespace pd::test
