// A deployment that adopts, in the fake cluster, and what is to be seen of its pods' places.
#pragma once

#include <gtest/gtest.h>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {

using std::chrono::seconds;

inline const kube::OwnerReference kReplicaSet{"ReplicaSet", "engine-5f", "uid-rs"};

inline DeploymentBuilder adopting(int prefill = 2) { return a_deployment().prefill(prefill).adopt("prefill"); }

// "prefill-0-0 a, prefill-1-0 b": who has which place.
inline std::string places(const FakeCluster& cluster) {
  std::string text;
  for (const kube::AdoptedPod& entry : cluster.status().adopted) {
    text.append(text.empty() ? "" : ", ").append(entry.slot).append(" ").append(entry.pod);
  }
  return text;
}

// The addresses of the prefill servers in the published table, in order.
inline std::vector<std::string> listed(const FakeCluster& cluster, const char* group = "1") {
  std::vector<std::string> addresses;
  const std::string text = cluster.table("global_ranktable.json");
  if (text.empty()) return addresses;
  const Json table = Json::parse(text);
  for (const Json& one : table.value("server_group_list", Json::array())) {
    if (one["group_id"] != group) continue;
    for (const Json& server : one["server_list"]) addresses.push_back(server["server_ip"]);
  }
  return addresses;
}

inline std::vector<std::string> events(const FakeCluster& cluster, const std::string& reason) {
  std::vector<std::string> notes;
  for (const EmitEvent& event : cluster.events_) {
    if (event.reason == reason) notes.push_back((event.pod ? event.pod->name + ": " : "") + event.note);
  }
  return notes;
}

inline FakeCluster running(const DeploymentBuilder& deployment, const std::vector<std::string>& pods) {
  FakeCluster cluster(deployment);
  for (const std::string& name : pods) {
    cluster.add_workload_pod(name, "prefill");
    cluster.advance(seconds(1));
  }
  EXPECT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  return cluster;
}

}  // namespace pd::plan
