// An API server written down for the operator: six lists that are empty unless a test fills them, and six watches
// that a test feeds.
#pragma once

#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::test {

inline Json object(const std::string& ns, const std::string& name, const std::string& version) {
  Json made = {{"metadata", {{"name", name}, {"uid", "uid-" + name}, {"resourceVersion", version}}}};
  if (!ns.empty()) made["metadata"]["namespace"] = ns;
  return made;
}

inline Json labelled(Json made, const std::string& deployment) {
  made["metadata"]["labels"]["pd-operator.io/deployment"] = deployment;
  return made;
}

inline Json pod_on(const std::string& name, const std::string& version, const std::string& deployment,
                   const std::string& node) {
  Json made = labelled(object("llm", name, version), deployment);
  if (!node.empty()) made["spec"]["nodeName"] = node;
  return made;
}

inline Json node_with(const std::string& name, const std::string& version, const std::string& inventory) {
  Json made = object("", name, version);
  if (!inventory.empty()) made["metadata"]["annotations"]["pd-operator.io/npu-inventory"] = inventory;
  return made;
}

class ClusterScript {
 public:
  inline static const std::string kDeployments = "/apis/pd-operator.io/v1alpha1/pddeployments";
  inline static const std::string kPods = "/api/v1/pods";
  inline static const std::string kNodes = "/api/v1/nodes";
  inline static const std::string kConfigMaps = "/api/v1/configmaps";
  inline static const std::string kServices = "/api/v1/services";
  inline static const std::string kBudgets = "/apis/policy/v1/poddisruptionbudgets";

  void add(const std::string& path, Json made) { lists_[path].push_back(std::move(made)); }
  // Writes down the lists, all at version 100, and opens the watches.
  void serve(ScriptedTransport& transport) {
    for (const std::string& path : {kDeployments, kPods, kNodes, kConfigMaps, kServices, kBudgets}) {
      const Json list = {{"metadata", {{"resourceVersion", "100"}}}, {"items", lists_[path]}};
      transport.reply("GET " + path, json_reply(200, list));
      watches_[path] = transport.reply_stream("WATCH " + path);
    }
  }
  void event(const std::string& path, const std::string& type, const Json& made) {
    watches_.at(path)->push(Json{{"type", type}, {"object", made}}.dump());
  }

 private:
  std::map<std::string, std::vector<Json>> lists_;
  std::map<std::string, std::shared_ptr<ScriptedStream>> watches_;
};

}  // namespace pd::test
