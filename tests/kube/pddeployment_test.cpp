#include "kube/pddeployment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/resource.h"
#include "tests/kube/samples.h"

namespace pd::kube {
namespace {

using ::testing::ElementsAre;

WallTime at(const char* text) { return *parse_rfc3339(text); }

PDDeployment decoded(const Json& object) {
  const Result<Json> projected = parse_projected(object.dump(), Resource<PDDeployment>::projection());
  if (!projected) throw std::runtime_error(projected.error().message);
  Result<PDDeployment> deployment = Resource<PDDeployment>::decode(*projected);
  if (!deployment) throw std::runtime_error(deployment.error().message);
  return *deployment;
}

PDDeployment sample() { return decoded(Json::parse(test::kDeployment)); }

TEST(DecodePDDeployment, ReadsWhatConcernsTheWhole) {
  const PDDeployment deployment = sample();
  EXPECT_EQ(deployment.meta.key(), "llm/qwen");
  EXPECT_EQ(deployment.meta.generation, 3);
  EXPECT_EQ(deployment.ranktable.profile, "OmniK8s");
  EXPECT_EQ(deployment.ranktable.publish_policy, "Available");
  EXPECT_EQ(deployment.ranktable.lost_grace_seconds, 12);
  EXPECT_EQ(deployment.ranktable.server_address, "PodIP");
  EXPECT_EQ(deployment.ranktable.server_id, "PerInstance");
  EXPECT_TRUE(deployment.ranktable.require_link_up);
  EXPECT_EQ(deployment.ranktable.mount_path, "/tables");
  EXPECT_THAT(deployment.resource_names, ElementsAre("huawei.com/npu"));
  EXPECT_TRUE(deployment.paused);
}

TEST(DecodePDDeployment, ReadsTheGate) {
  const GateSpec gate = sample().gate;
  EXPECT_TRUE(gate.enabled);
  EXPECT_FALSE(gate.sidecar);
  EXPECT_EQ(gate.timeout_seconds, 60);
  EXPECT_EQ(gate.port, 9000);
  EXPECT_EQ(gate.image, "gate:1");
  EXPECT_EQ(gate.image_pull_policy, "Always");
  EXPECT_EQ(gate.resources, Json::parse(R"({"limits":{"cpu":"10m"}})"));
}

TEST(DecodePDDeployment, ReloadHasAPathOfItsOwn) {
  Json object = Json::parse(test::kDeployment);
  object["spec"]["prefill"]["reload"] = Json::parse(R"({"http":{"port":8000}})");
  ASSERT_TRUE(decoded(object).prefill.reload);
  EXPECT_EQ(decoded(object).prefill.reload->path, "/reload");
}

TEST(DecodePDDeployment, ReadsARole) {
  const RoleSpec role = sample().prefill;
  EXPECT_EQ(role.instances, 2);
  EXPECT_EQ(role.pods_per_instance, 3);
  EXPECT_EQ(role.npus_per_pod, 8);
  EXPECT_EQ(role.pod_template, Json::parse(R"({"spec":{"containers":[{"name":"p"}]}})"));
  EXPECT_FALSE(role.adopt);
  EXPECT_EQ(role.on_peer_change, "Restart");
  ASSERT_TRUE(role.reload);
  EXPECT_EQ(role.reload->port, 8000);
  EXPECT_EQ(role.reload->path, "/reload");
  EXPECT_EQ(role.max_unavailable, "25%");
  EXPECT_EQ(role.restart_scope, "Pod");
  EXPECT_EQ(role.backoff_seconds, 5);
  EXPECT_EQ(role.max_backoff_seconds, 50);
  EXPECT_EQ(role.pod_replacement_policy, "Gone");
  EXPECT_EQ(role.pdb_min_available, 4);
}

TEST(DecodePDDeployment, ReadsAdoptMode) {
  const RoleSpec role = sample().decode;
  EXPECT_TRUE(role.adopt);
  EXPECT_EQ(role.adopt_instance_label, "a");
  EXPECT_EQ(role.adopt_pod_index_label, "b");
  EXPECT_TRUE(role.pod_template.is_null());
  EXPECT_EQ(role.max_unavailable, "2");
  EXPECT_FALSE(role.reload);
  EXPECT_EQ(role.pdb_min_available, std::nullopt);
}

// What was stored before a default existed lacks it.
TEST(DecodePDDeployment, HasTheSchemasDefaults) {
  const PDDeployment deployment = decoded(Json::parse(R"({"metadata":{"name":"a","resourceVersion":"1"}})"));
  EXPECT_EQ(deployment.ranktable.profile, "AscendCloud");
  EXPECT_EQ(deployment.ranktable.publish_policy, "Complete");
  EXPECT_EQ(deployment.ranktable.lost_grace_seconds, 30);
  EXPECT_EQ(deployment.ranktable.mount_path, "/etc/pd-operator/ranktable");
  EXPECT_THAT(deployment.resource_names, ElementsAre("huawei.com/Ascend910", "huawei.com/ascend-1980"));
  EXPECT_TRUE(deployment.gate.enabled);
  EXPECT_TRUE(deployment.gate.resources.is_null());
  EXPECT_EQ(deployment.prefill.instances, 1);
  EXPECT_EQ(deployment.prefill.pods_per_instance, 1);
  EXPECT_EQ(deployment.prefill.on_peer_change, "Reload");
  EXPECT_EQ(deployment.prefill.max_unavailable, "1");
  EXPECT_EQ(deployment.status, PDDeploymentStatus{});
}

TEST(DecodePDDeployment, PutsUpWithMembersOfAnotherKind) {
  const PDDeployment deployment = decoded(Json::parse(
      R"({"metadata":{"name":"a","resourceVersion":"1"},
          "spec":{"ranktable":[],"resourceNames":[5,null],"gate":{"port":99999999999,"resources":"none"},
                  "prefill":{"instances":"2","template":5,"adopt":null,"reload":{"http":[]},"rollingUpdate":7,
                             "podDisruptionBudget":{"minAvailable":"x"}},"decode":5},
          "status":{"ranktable":5,"incarnations":{"a":1},"conditions":[5,{"type":6}],"restarts":"x"}})"));
  EXPECT_EQ(deployment.gate.port, 8089);
  EXPECT_TRUE(deployment.gate.resources.is_null());
  EXPECT_EQ(deployment.prefill.instances, 1);
  EXPECT_TRUE(deployment.prefill.pod_template.is_null());
  EXPECT_FALSE(deployment.prefill.adopt);
  EXPECT_EQ(deployment.status.conditions.size(), 2U);
}

TEST(PDDeploymentStatusCodec, ReadsWhatItWrites) {
  const PDDeploymentStatus status = sample().status;
  EXPECT_EQ(status.observed_generation, 2);
  EXPECT_EQ(status.ranktable.generation_ceiling, 71);
  EXPECT_EQ(status.ranktable.published_at, at("2026-11-24T06:30:00Z"));
  ASSERT_EQ(status.ranktable.missing.size(), 1U);
  EXPECT_EQ(status.ranktable.missing[0].since, at("2026-11-24T06:34:56Z"));
  ASSERT_EQ(status.conditions.size(), 1U);
  EXPECT_EQ(status.conditions[0].since, at("2026-11-24T06:31:00Z"));

  EXPECT_EQ(encode_status(status), Json::parse(test::kDeployment)["status"]);
  Json object = Json::parse(test::kDeployment);
  object["status"] = encode_status(status);
  EXPECT_EQ(decoded(object).status, status);
}

TEST(PDDeploymentStatusCodec, LeavesOutWhatIsEmpty) {
  const Json object = encode_status({});
  EXPECT_FALSE(object.contains("conditions"));
  EXPECT_FALSE(object.contains("restarts"));
  EXPECT_FALSE(object["ranktable"].contains("publishedAt"));
  EXPECT_FALSE(object["ranktable"].contains("state"));
  EXPECT_FALSE(object["ranktable"].contains("missing"));
}

}  // namespace
}  // namespace pd::kube
