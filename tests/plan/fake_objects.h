// The Services and PodDisruptionBudgets of a fake cluster, kept and checked as the API server does. Thread: for tests.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "kube/resource.h"
#include "plan/plan.h"

namespace pd::plan {

class FakeObjects {
 public:
  using Key = std::pair<std::string, std::string>;  // kind and name

  // False where the API server would have refused.
  bool create(const CreateObject& action) {
    const Key key{action.object["kind"].get<std::string>(), action.object["metadata"]["name"].get<std::string>()};
    if (all_.contains(key)) return false;
    Json object = action.object;
    if (key.first == "Service" && !object["spec"].contains("clusterIP")) object["spec"]["clusterIP"] = "10.96.0.7";
    object["metadata"]["uid"] = "uid-object-" + std::to_string(version_);
    return store(key, std::move(object));
  }
  bool patch(const PatchObject& action) {
    const auto found = find(action.kind, action.name, action.uid, action.resource_version);
    if (found == all_.end()) return false;
    Json object = found->second;
    object.merge_patch(action.patch);
    if (object["spec"].value("clusterIP", "") != found->second["spec"].value("clusterIP", "")) return false;
    return store(found->first, std::move(object));
  }
  bool remove(const DeleteObject& action) {
    const auto found = find(action.kind, action.name, action.uid, action.resource_version);
    if (found == all_.end()) return false;
    all_.erase(found);
    ++version_;
    return true;
  }

  // As a person with kubectl would.
  void edit(const Key& key, const Json& patch) {
    Json& object = all_.at(key);
    object.merge_patch(patch);
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
  }
  void add_foreign(const Key& key) {
    const std::string version = std::to_string(++version_);
    all_[key] = {{"kind", key.first},
                 {"metadata", {{"name", key.second}, {"uid", "uid-foreign"}, {"resourceVersion", version}}},
                 {"spec", Json::object()}};
  }

  template <typename T>
  std::vector<T> read() const {
    std::vector<T> objects;
    for (const auto& [key, object] : all_) {
      if (key.first == kube::Resource<T>::kKind) objects.push_back(*kube::Resource<T>::decode(object));
    }
    return objects;
  }
  // Null when there is none.
  Json get(const Key& key) const {
    const auto found = all_.find(key);
    return found == all_.end() ? Json() : found->second;
  }

  std::map<Key, Json> all_;
  int writes_ = 0;
  std::int64_t version_ = 10;  // the last resourceVersion

 private:
  bool store(const Key& key, Json object) {
    const Json& spec = object["spec"];
    const bool headless = spec.value("clusterIP", "") == "None";
    if (key.first == "Service" && !headless && spec.value("ports", Json::array()).empty()) return false;
    if (spec.contains("minAvailable") && spec.contains("maxUnavailable")) return false;
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    all_[key] = std::move(object);
    ++writes_;
    return true;
  }
  std::map<Key, Json>::iterator find(const std::string& kind, const std::string& name, const std::string& uid,
                                     const std::string& version) {
    const auto found = all_.find({kind, name});
    if (found == all_.end()) return found;
    const Json& meta = found->second["metadata"];
    return meta["uid"] == uid && meta["resourceVersion"] == version ? found : all_.end();
  }
};

}  // namespace pd::plan
