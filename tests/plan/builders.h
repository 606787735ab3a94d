// A PDDeployment and the cluster around it, in words:
//
//   FakeCluster cluster(a_deployment("qwen").prefill(2).decode(1));
//   cluster.settle();
//   EXPECT_EQ(cluster.condition("Ready").status, "True");
//
// Thread: for tests.
#pragma once

#include <string>

#include "base/json.h"

namespace pd::plan {

class DeploymentBuilder {
 public:
  explicit DeploymentBuilder(const std::string& name) {
    object_ = {
        {"apiVersion", "pd-operator.io/v1alpha1"},
        {"kind", "PDDeployment"},
        {"metadata",
         {{"name", name}, {"namespace", "llm"}, {"uid", "uid-" + name}, {"resourceVersion", "1"}, {"generation", 1}}},
        {"spec",
         {{"scheduler", {{"template", pod_template()}}},
          {"prefill", {{"instances", 1}, {"podsPerInstance", 1}, {"npusPerPod", 2}, {"template", pod_template()}}},
          {"decode", {{"instances", 1}, {"podsPerInstance", 1}, {"npusPerPod", 2}, {"template", pod_template()}}}}}};
  }

  DeploymentBuilder& prefill(int instances) { return set("/spec/prefill/instances", instances); }
  DeploymentBuilder& decode(int instances) { return set("/spec/decode/instances", instances); }
  DeploymentBuilder& set(const std::string& pointer, Json value) {
    object_[Json::json_pointer(pointer)] = std::move(value);
    return *this;
  }

  // Others make the role's pods.
  DeploymentBuilder& adopt(const std::string& role, Json how = Json::object()) {
    object_["spec"][role].erase("template");
    object_["spec"][role]["adopt"] = std::move(how);
    return *this;
  }

  const Json& object() const { return object_; }

  static Json pod_template() {
    return {{"metadata", {{"labels", {{"app", "vllm"}}}}},
            {"spec", {{"containers", Json::array({{{"name", "engine"}, {"image", "vllm:1"}}})}}}};
  }

 private:
  Json object_;
};

inline DeploymentBuilder a_deployment(const std::string& name = "qwen") { return DeploymentBuilder(name); }

}  // namespace pd::plan
