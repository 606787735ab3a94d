#include "plan/pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/services.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Slot kPrefill1{{Role::kPrefill, 1}, 0};
constexpr Slot kScheduler{{Role::kScheduler, 0}, 0};

// The place of something in the prefill role's template.
std::string in_template(const std::string& place) { return "/spec/prefill/template" + place; }

Json pod_of(const DeploymentBuilder& deployment, const Slot& slot = kPrefill1) {
  const Snapshot snapshot = FakeCluster(deployment).snapshot();
  const TemplateCheck check = check_template(snapshot, slot.instance.role);
  EXPECT_EQ(check.verdict, TemplateCheck::Verdict::kValid) << check.message;
  return pod_object(snapshot, slot, 3, check, template_hash(snapshot.deployment, slot.instance.role));
}

TemplateCheck check_of(const DeploymentBuilder& deployment) {
  return check_template(FakeCluster(deployment).snapshot(), Role::kPrefill);
}

Json env_of(const Json& container, const std::string& name) {
  for (const Json& variable : container["env"]) {
    if (variable["name"] == name) return variable;
  }
  return {};
}

TEST(Pod, HasItsNamesLabelsAndOwner) {
  const Json pod = pod_of(a_deployment().prefill(2));
  const Json& metadata = pod["metadata"];
  EXPECT_EQ(metadata["name"], "qwen-prefill-1-0-3");
  EXPECT_EQ(metadata["namespace"], "llm");
  EXPECT_EQ(metadata["labels"]["app"], "vllm");
  EXPECT_EQ(metadata["labels"]["app.kubernetes.io/managed-by"], "pd-operator");
  EXPECT_EQ(metadata["labels"]["pd-operator.io/deployment"], "qwen");
  EXPECT_EQ(metadata["labels"]["pd-operator.io/role"], "prefill");
  EXPECT_EQ(metadata["labels"]["pd-operator.io/instance"], "1");
  EXPECT_EQ(metadata["labels"]["pd-operator.io/pod-index"], "0");
  EXPECT_EQ(metadata["labels"]["pd-operator.io/incarnation"], "3");
  EXPECT_LE(metadata["labels"]["pd-operator.io/template-hash"].get<std::string>().size(), 63U);
  EXPECT_EQ(metadata["ownerReferences"][0]["uid"], "uid-qwen");
  EXPECT_EQ(metadata["ownerReferences"][0]["controller"], true);
  EXPECT_FALSE(metadata["ownerReferences"][0].contains("blockOwnerDeletion"));
  EXPECT_EQ(pod["spec"]["hostname"], "qwen-prefill-1-0");
  EXPECT_EQ(pod["spec"]["subdomain"], "qwen-pods");
  EXPECT_EQ(pod["spec"]["restartPolicy"], "Always");
}

TEST(Pod, KeepsTheUsersAnnotationsButForThoseThatClaimDevices) {
  const Json annotations = {{"sidecar.istio.io/inject", "false"},
                            {"huawei.com/AscendReal", "Ascend910-0"},
                            {"ascend.kubectl.kubernetes.io/ascend-910-configuration", "{}"},
                            {"cce.kubectl.kubernetes.io/ascend-rank-table", "{}"},
                            {"pd-operator.io/ranktable-generation", "9"},
                            {"predicate-time", "1"}};
  const Json pod = pod_of(a_deployment().set(in_template("/metadata/annotations"), annotations));
  EXPECT_EQ(pod["metadata"]["annotations"], Json({{"sidecar.istio.io/inject", "false"}}));
}

TEST(Pod, OurLabelsCannotBeForgedByTheTemplate) {
  const Json labels = {{"pd-operator.io/role", "decode"}, {"pd-operator.io/epoch", "7"}, {"tier", "a"}};
  const Json made = pod_of(a_deployment().set(in_template("/metadata/labels"), labels))["metadata"]["labels"];
  EXPECT_EQ(made["pd-operator.io/role"], "prefill");
  EXPECT_EQ(made["pd-operator.io/epoch"], "0");
  EXPECT_EQ(made["tier"], "a");
}

TEST(Pod, AsksForItsNpusInTheFirstContainer) {
  const Json pod = pod_of(a_deployment());
  const Json& container = pod["spec"]["containers"][0];
  EXPECT_EQ(container["resources"]["limits"]["huawei.com/Ascend910"], "2");
  EXPECT_EQ(container["resources"]["requests"]["huawei.com/Ascend910"], "2");
  EXPECT_FALSE(pod_of(a_deployment(), kScheduler)["spec"]["containers"][0].contains("resources"));
}

TEST(Pod, KeepsTheLimitOfTheTemplate) {
  const std::string limits = in_template("/spec/containers/0/resources/limits");
  const Json pod = pod_of(a_deployment().set(limits, {{"huawei.com/ascend-1980", 2}}));
  EXPECT_EQ(pod["spec"]["containers"][0]["resources"]["limits"], Json({{"huawei.com/ascend-1980", 2}}));
}

TEST(Pod, MountsTheTablesReadOnlyInEveryContainer) {
  DeploymentBuilder deployment = a_deployment();
  deployment.set(in_template("/spec/initContainers"), Json::array({{{"name", "download"}, {"image", "d:1"}}}));
  deployment.set(in_template("/spec/containers/1"), {{"name", "logger"}, {"image", "l:1"}});
  const Json spec = pod_of(deployment)["spec"];
  EXPECT_THAT(spec["containers"], SizeIs(2));
  EXPECT_THAT(spec["initContainers"], SizeIs(3));
  EXPECT_EQ(spec["initContainers"][2]["name"], "download");
  for (const char* key : {"containers", "initContainers"}) {
    for (const Json& container : spec[key]) {
      EXPECT_EQ(container["volumeMounts"][0],
                Json({{"name", "pd-ranktable"}, {"mountPath", "/etc/pd-operator/ranktable"}, {"readOnly", true}}))
          << container["name"];
    }
  }
  const Json& projected = spec["volumes"][0]["projected"];
  EXPECT_EQ(projected["defaultMode"], 0644);
  EXPECT_EQ(projected["sources"][0]["configMap"]["optional"], true);
  EXPECT_EQ(projected["sources"][1]["configMap"]["optional"], true);
  EXPECT_EQ(projected["sources"][1]["configMap"]["items"],
            Json::array({{{"key", "local_ranktable_prefill-1.json"}, {"path", "local_ranktable.json"}},
                         {{"key", "instance_prefill-1.env"}, {"path", "instance.env"}}}));
  EXPECT_EQ(projected["sources"][2]["downwardAPI"]["items"][0],
            Json({{"path", "expected_generation"},
                  {"fieldRef", {{"fieldPath", "metadata.annotations['pd-operator.io/ranktable-generation']"}}}}));
  const Json host = pod_of(a_deployment(), kScheduler)["spec"]["volumes"][0]["projected"]["sources"][1]["configMap"];
  EXPECT_EQ(host["items"][0]["key"], "local_ranktable_host.json");
  EXPECT_EQ(host["items"][1]["key"], "instance_scheduler.env");
}

TEST(Pod, GetsTheEnvironmentUnlessTheTemplateSetsIt) {
  DeploymentBuilder deployment = a_deployment();
  deployment.set(in_template("/spec/containers/0/env"), Json::array({{{"name", "ROLE"}, {"value", "mine"}}}));
  const Json spec = pod_of(deployment)["spec"];
  const Json& container = spec["containers"][0];
  EXPECT_EQ(env_of(container, "GLOBAL_RANK_TABLE_FILE_PATH")["value"],
            "/etc/pd-operator/ranktable/global_ranktable.json");
  EXPECT_EQ(env_of(container, "RANK_TABLE_FILE_PATH")["value"], "/etc/pd-operator/ranktable/local_ranktable.json");
  EXPECT_EQ(env_of(container, "ROLE")["value"], "mine");
  EXPECT_EQ(env_of(container, "PD_INSTANCE")["value"], "prefill-1");
  EXPECT_EQ(env_of(container, "POD_IP")["valueFrom"]["fieldRef"]["fieldPath"], "status.podIP");
  EXPECT_THAT(container["env"], SizeIs(5));
}

TEST(Gate, WatchesAndWaits) {
  DeploymentBuilder deployment = a_deployment();
  deployment.set("/spec/prefill/reload", {{"http", {{"port", 8000}, {"path", "/reload"}}}});
  const Json inits = pod_of(deployment)["spec"]["initContainers"];
  ASSERT_THAT(inits, SizeIs(2));
  EXPECT_EQ(inits[0]["restartPolicy"], "Always");
  EXPECT_EQ(inits[0]["args"],
            Json({"watch", "--dir", "/etc/pd-operator/ranktable", "--address", "$(POD_IP)", "--profile", "AscendCloud",
                  "--port", "8089", "--reload-url", "http://127.0.0.1:8000/reload"}));
  EXPECT_EQ(inits[0]["readinessProbe"]["exec"]["command"], Json({"pd-gate", "ready"}));
  EXPECT_EQ(inits[0]["readinessProbe"]["timeoutSeconds"], 10)
      << "a late probe is no reason to take a pod out of service";
  EXPECT_EQ(inits[0]["readinessProbe"]["failureThreshold"], 30);
  EXPECT_FALSE(inits[0].contains("ports"));
  EXPECT_EQ(inits[1]["args"], Json({"wait", "--dir", "/etc/pd-operator/ranktable", "--address", "$(POD_IP)",
                                    "--profile", "AscendCloud", "--timeout", "600s"}));
  EXPECT_EQ(inits[1]["image"], "pd-gate:1");
  EXPECT_EQ(inits[1]["resources"]["limits"], inits[1]["resources"]["requests"]);
}

TEST(Gate, CanBeTurnedOff) {
  EXPECT_THAT(pod_of(a_deployment().set("/spec/gate/sidecar", false))["spec"]["initContainers"], SizeIs(1));
  EXPECT_FALSE(pod_of(a_deployment().set("/spec/gate/enabled", false))["spec"].contains("initContainers"));
}

TEST(Gate, RunsAsTheEngineDoes) {
  const auto context = [](DeploymentBuilder deployment) {
    return pod_of(deployment)["spec"]["initContainers"][1]["securityContext"];
  };
  EXPECT_EQ(context(a_deployment())["runAsUser"], 65532);
  EXPECT_EQ(context(a_deployment())["runAsNonRoot"], true);
  EXPECT_EQ(context(a_deployment())["capabilities"]["drop"], Json({"ALL"}));
  DeploymentBuilder root = a_deployment();
  root.set(in_template("/spec/securityContext"), {{"runAsUser", 0}, {"runAsGroup", 5}});
  EXPECT_EQ(context(root)["runAsUser"], 0);
  EXPECT_EQ(context(root)["runAsGroup"], 5);
  EXPECT_EQ(context(root)["runAsNonRoot"], false);
  root.set(in_template("/spec/containers/0/securityContext"), {{"runAsUser", 1000}});
  EXPECT_EQ(context(root)["runAsUser"], 1000);
}

TEST(Gate, FollowsTheHostsAddressAndNetwork) {
  DeploymentBuilder deployment = a_deployment().prefill(2);
  deployment.set("/spec/ranktable/serverAddress", "HostIP").set(in_template("/spec/hostNetwork"), true);
  const Json args = pod_of(deployment)["spec"]["initContainers"][0]["args"];
  EXPECT_EQ(args[4], "$(HOST_IP)");
  EXPECT_EQ(args[7], "--port");
}

// They are made at different times: those that there are keep their port when others come. A simulated run found this.
TEST(Gate, PodsInTheHostsNetworkNeverShareAPort) {
  DeploymentBuilder deployment = a_deployment().decode(2);
  for (const char* role : {"scheduler", "prefill", "decode"}) {
    deployment.set("/spec/" + std::string(role) + "/template/spec/hostNetwork", true);
  }
  std::set<std::string> ports;
  const auto add = [&](const Slot& slot) {
    const Json args = pod_of(deployment, slot)["spec"]["initContainers"][0]["args"];
    ports.insert(args.at(8).get<std::string>());
  };
  deployment.prefill(2);
  for (const Instance& instance : wanted(FakeCluster(deployment).snapshot().deployment)) add({instance, 0});
  deployment.prefill(4);
  add({{Role::kPrefill, 2}, 0});
  add({{Role::kPrefill, 3}, 0});
  EXPECT_EQ(ports, (std::set<std::string>{"8089", "8090", "8091", "8092", "8093", "8094", "8096"}));
}

// A port beyond the last would be none, and two pods that share one would answer for each other.
TEST(Template, OnTheHostNetworkAllItsPodsNeedAPort) {
  DeploymentBuilder deployment = a_deployment().prefill(3);
  deployment.set("/spec/gate/port", 65530);
  EXPECT_EQ(check_of(deployment).message, "");
  deployment.set(in_template("/spec/hostNetwork"), true);
  EXPECT_EQ(check_of(deployment).message, "");
  deployment.prefill(5);
  EXPECT_EQ(check_of(deployment).reason, "TemplateInvalid");
  EXPECT_EQ(check_of(deployment).message,
            "prefill.template: on the host network the sidecars of its pods need ports up to 65539, and 65535 is the "
            "highest: lower gate.port by 4.");
  deployment.set("/spec/gate/sidecar", false);
  EXPECT_EQ(check_of(deployment).message, "");
}

// Else the API server would refuse every pod, for a reason that only the operator's log knows.
TEST(Template, NeedsAnImageWithTheGate) {
  Snapshot snapshot = FakeCluster(a_deployment().set("/spec/gate", Json::object())).snapshot();
  snapshot.settings.gate_image.clear();
  EXPECT_EQ(check_template(snapshot, Role::kPrefill).reason, "NoGateImage");
  snapshot.deployment.gate.image = "pd-gate:2";
  EXPECT_EQ(check_template(snapshot, Role::kPrefill).reason, "");
  snapshot.deployment.gate.image.clear();
  snapshot.deployment.gate.enabled = false;
  EXPECT_EQ(check_template(snapshot, Role::kPrefill).reason, "");
}

TEST(Template, IsJudgedInWordsThatNameThePlace) {
  const std::string spec = in_template("/spec");
  const auto message = [](DeploymentBuilder deployment) { return check_of(deployment).message; };
  EXPECT_THAT(message(a_deployment().set(spec + "/restartPolicy", "Never")),
              HasSubstr("restartPolicy should be Always"));
  EXPECT_THAT(message(a_deployment().set(spec + "/containers", Json::array())),
              HasSubstr("/spec/containers should list"));
  EXPECT_THAT(message(a_deployment().set(spec + "/containers", "x")), HasSubstr("/spec/containers should be a list"));
  EXPECT_THAT(message(a_deployment().set(spec + "/containers/0/env", 7)), HasSubstr("/spec/containers/0/env"));
  EXPECT_THAT(message(a_deployment().set(in_template("/metadata/labels/a"), 1)), HasSubstr("/metadata/labels"));
  EXPECT_THAT(message(a_deployment().set(in_template(""), 3)), HasSubstr("PodTemplateSpec"));
  EXPECT_THAT(message(a_deployment().set(spec + "/volumes", Json::array({{{"name", "pd-ranktable"}}}))),
              HasSubstr("pd-ranktable is taken"));
  EXPECT_THAT(message(a_deployment().set(spec + "/containers/0/volumeMounts",
                                         Json::array({{{"mountPath", "/etc/pd-operator/ranktable"}}}))),
              HasSubstr("mounts something at"));
}

TEST(Template, MustAgreeWithTheNumberOfNpus) {
  const std::string limits = in_template("/spec/containers/0/resources/limits");
  EXPECT_EQ(check_of(a_deployment().set(limits, {{"huawei.com/Ascend910", "2"}})).verdict,
            TemplateCheck::Verdict::kValid);
  EXPECT_THAT(check_of(a_deployment().set(limits, {{"huawei.com/Ascend910", "4"}})).message,
              HasSubstr("the NPU limit is 4 and npusPerPod is 2"));
  EXPECT_THAT(check_of(a_deployment().set(limits, {{"huawei.com/Ascend910", "2k"}})).message,
              HasSubstr("whole number"));
}

TEST(Template, OfAScaledDownRoleIsNotJudged) {
  EXPECT_EQ(check_of(a_deployment().prefill(0).set(in_template(""), nullptr)).verdict, TemplateCheck::Verdict::kValid);
}

TEST(Template, IsNoReasonWhereTheTableCantBeWrittenAnyway) {
  FakeCluster cluster(a_deployment().prefill(0));
  cluster.resources_ = {};
  ASSERT_TRUE(cluster.settle());
  EXPECT_FALSE(cluster.pods_.contains("qwen-decode-0-0-1"));
  EXPECT_EQ(cluster.condition("TemplatesValid").reason, "ResourceUnknown");
  EXPECT_EQ(cluster.condition("Ready").reason, "ScaledToZero");
}

TEST(Template, IsUnknownWhileNoNodeNamesAResource) {
  FakeCluster cluster(a_deployment());
  cluster.resources_ = {"nvidia.com/gpu"};
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "Unknown");
  EXPECT_EQ(cluster.condition("Progressing").reason, "ResourceUnknown");
  EXPECT_EQ(cluster.condition("Ready").reason, "ResourceUnknown") << "not that a pod waits which nobody has made";
  EXPECT_EQ(cluster.condition("Ready").message, cluster.condition("TemplatesValid").message);
  EXPECT_FALSE(cluster.pods_.contains("qwen-prefill-0-0-1"));
  cluster.resources_ = {"huawei.com/ascend-1980", "huawei.com/Ascend910"};
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True");
}

TEST(TemplateHash, ChangesWithWhatAPodDependsOnAndWithNothingElse) {
  const auto hash = [](const DeploymentBuilder& deployment) {
    return template_hash(FakeCluster(deployment).snapshot().deployment, Role::kPrefill);
  };
  const std::string base = hash(a_deployment());
  EXPECT_EQ(hash(a_deployment().prefill(5).set("/spec/gate/image", "other:2").set("/spec/gate/timeoutSeconds", 5)),
            base);
  EXPECT_NE(hash(a_deployment().set(in_template("/spec/containers/0/image"), "vllm:2")), base);
  EXPECT_NE(hash(a_deployment().set("/spec/prefill/npusPerPod", 4)), base);
  EXPECT_NE(hash(a_deployment().set("/spec/ranktable/mountPath", "/tables")), base);
  EXPECT_NE(hash(a_deployment().set("/spec/gate/sidecar", false)), base);
}

TEST(TemplateHash, OfAnUnknownVersionCountsAsEqual) {
  kube::Pod pod;
  EXPECT_FALSE(is_outdated(pod, "1-abc"));
  pod.meta.labels["pd-operator.io/template-hash"] = "0-abc";
  EXPECT_FALSE(is_outdated(pod, "1-abc"));
  pod.meta.labels["pd-operator.io/template-hash"] = "1-abd";
  EXPECT_TRUE(is_outdated(pod, "1-abc"));
}

}  // namespace
}  // namespace pd::plan
