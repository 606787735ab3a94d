#include "plan/equipment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using ::testing::ElementsAre;

// What the template of an adopted role becomes.
Json equipped(Role role, const std::string& profile = "AscendCloud") {
  DeploymentBuilder builder = a_deployment().prefill(2).decode(3).set("/spec/ranktable/profile", profile);
  kube::PDDeployment deployment = FakeCluster(builder).snapshot().deployment;
  for (kube::RoleSpec* spec : {&deployment.scheduler, &deployment.prefill, &deployment.decode}) spec->adopt = true;
  Json spec = DeploymentBuilder::pod_template()["spec"];
  equip({"gate:1", ""}, deployment, {{role, 0}, 0}, spec);
  return spec;
}

std::vector<std::string> names_of(const Json& named) {
  std::vector<std::string> names;
  for (const Json& one : named) names.push_back(one["name"]);
  return names;
}

TEST(AdoptedTemplate, MountsTheWholeConfigMap) {
  const Json sources = equipped(Role::kPrefill)["volumes"][0]["projected"]["sources"];
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources[0], Json({{"configMap", {{"name", "qwen-ranktable"}, {"optional", true}}}}));
  EXPECT_EQ(sources[1]["downwardAPI"]["items"][0]["path"], "expected_generation");
}

TEST(AdoptedTemplate, HasWhatAllItsPodsShare) {
  const Json container = equipped(Role::kPrefill)["containers"][0];
  EXPECT_THAT(names_of(container["env"]),
              ElementsAre("POD_NAME", "GLOBAL_RANK_TABLE_FILE_PATH", "RANK_TABLE_FILE_PATH", "ROLE", "POD_IP"));
  EXPECT_EQ(container["env"][2]["value"], "/etc/pd-operator/ranktable/local_ranktable_$(POD_NAME).json");
  EXPECT_THAT(names_of(equipped(Role::kDecode, "OmniK8s")["containers"][0]["env"]),
              ElementsAre("POD_NAME", "GLOBAL_RANK_TABLE_FILE_PATH", "RANK_TABLE_FILE_PATH", "ROLE", "POD_IP",
                          "PREFILL_POD_NUM", "DECODE_POD_NUM"));
}

TEST(AdoptedTemplate, TellsTheGateWhichTableIsThePods) {
  const Json gates = equipped(Role::kScheduler)["initContainers"];
  for (const Json& gate : gates) {
    EXPECT_EQ(gate["args"][7], "--local");
    EXPECT_EQ(gate["args"][8], "local_ranktable_$(POD_NAME).json");
    EXPECT_THAT(names_of(gate["env"]), ElementsAre("POD_IP", "HOST_IP", "POD_UID", "POD_NAME"));
  }
}

}  // namespace
}  // namespace pd::plan
