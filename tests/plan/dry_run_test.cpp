// What the API server says of a template's pods, before they are made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Answer = DryRun::Answer;

const char* const kImage = "/spec/decode/template/spec/containers/0/image";

template <typename One>
std::vector<One> all(const Plan& made) {
  std::vector<One> found;
  for (const Action& action : made.actions) {
    if (const One* one = std::get_if<One>(&action)) found.push_back(*one);
  }
  return found;
}

FakeCluster a_running_cluster() {
  FakeCluster cluster(a_deployment().prefill(2).decode(2));
  EXPECT_TRUE(cluster.settle());
  return cluster;
}

void refuse(FakeCluster& cluster, const std::string& image) {
  cluster.judge_pod_ = [image](const Json& pod) {
    const bool bad = pod["spec"]["containers"][0]["image"] == image;
    return bad ? DryRun{Answer::kRefused, "no such image is allowed."} : DryRun{Answer::kAccepted, ""};
  };
}

TEST(DryRun, IsOfAPodOfEachTemplateAsItWouldBeMade) {
  FakeCluster cluster(a_deployment().prefill(2));
  const Plan made = cluster.plan_now();
  ASSERT_THAT(made.dry_runs, SizeIs(3));
  const DryRunTarget& prefill = made.dry_runs[1];
  EXPECT_EQ(prefill.role, "prefill");
  EXPECT_EQ(prefill.pod["metadata"]["name"], "qwen-prefill-0-0-0") << "no pod has this number";
  ASSERT_TRUE(cluster.settle());
  Json pod = cluster.created_.at("qwen-prefill-0-0-1");
  pod["metadata"]["name"] = "qwen-prefill-0-0-0";
  pod["metadata"]["labels"]["pd-operator.io/incarnation"] = "0";
  EXPECT_EQ(prefill.pod, pod);
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "True");
}

TEST(DryRun, IsAnotherOneForAnotherPodAndForNothingElse) {
  FakeCluster cluster = a_running_cluster();
  const auto key = [&] { return cluster.plan_now().dry_runs.at(1).key; };
  const std::string before = key();
  cluster.edit_spec("/spec/prefill/instances", 1);
  cluster.edit_spec(kImage, "vllm:2");
  EXPECT_EQ(key(), before);
  EXPECT_TRUE(cluster.plan_now().dry_runs.at(1).pod.is_null()) << "a pod of it is there";
  // None of these is in the template's hash.
  const std::vector<std::pair<const char*, Json>> edits = {{"/spec/gate/resources", {{"limits", {{"cpu", "1"}}}}},
                                                           {"/spec/gate/image", "gate:2"},
                                                           {"/spec/gate/imagePullPolicy", "Never"},
                                                           {"/spec/gate/port", 8090},
                                                           {"/spec/gate/timeoutSeconds", 9},
                                                           {"/spec/ranktable/serverAddress", "HostIP"},
                                                           {"/spec/prefill/reload", {{"http", {{"port", 80}}}}},
                                                           {"/spec/prefill/onPeerChange", "Ignore"}};
  std::set<std::string> keys = {before};
  for (const auto& [path, value] : edits) {
    cluster.edit_spec(path, value);
    EXPECT_TRUE(keys.insert(key()).second) << path;
  }
}

TEST(DryRun, AMissingPodIsMadeAlsoBeforeTheAnswer) {
  FakeCluster cluster = a_running_cluster();
  cluster.dry_runs_.clear();
  cluster.vanish("qwen-decode-0-0-1");
  EXPECT_THAT(all<CreatePod>(cluster.plan_now()), SizeIs(1));
}

TEST(DryRun, NoServingPodIsGivenUpForOneThatIsRefused) {
  FakeCluster cluster = a_running_cluster();
  refuse(cluster, "vllm:2");
  cluster.edit_spec(kImage, "vllm:2");
  Plan made = cluster.plan_now();
  EXPECT_TRUE(all<DeletePod>(made).empty()) << "nothing is known of it yet";
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "Unknown");
  EXPECT_EQ(cluster.condition("Progressing").reason, "TryingTemplate");
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-decode-0-0-1"));
  EXPECT_TRUE(cluster.pods_.contains("qwen-decode-1-0-1"));
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "False");
  EXPECT_EQ(cluster.condition("TemplatesValid").reason, "PodRefused");
  EXPECT_EQ(cluster.condition("TemplatesValid").message,
            "The API server refuses the pods of decode: no such image is allowed.");
  EXPECT_EQ(cluster.condition("Available").status, "True");
  EXPECT_EQ(cluster.condition("Ready").reason, "Outdated") << "all pods are there";
  EXPECT_EQ(cluster.events_.back().reason, "TemplateInvalid");
  cluster.edit_spec(kImage, "vllm:3");
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-decode-0-0-2"));
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "True");
  EXPECT_EQ(cluster.condition("Ready").status, "True");
}

TEST(DryRun, NoPodOfARefusedTemplateIsMade) {
  FakeCluster cluster = a_running_cluster();
  refuse(cluster, "vllm:1");
  cluster.vanish("qwen-decode-0-0-1");
  Plan made = cluster.plan_now();
  EXPECT_THAT(all<CreatePod>(made), SizeIs(1)) << "another one was accepted";
  cluster.apply_plan(made);
  made = cluster.plan_now();
  EXPECT_TRUE(all<CreatePod>(made).empty());
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.condition("TemplatesValid").reason, "PodRefused");
  EXPECT_THAT(cluster.condition("Progressing").message, HasSubstr("no such image is allowed."));
  EXPECT_EQ(cluster.condition("Ready").reason, "PodRefused");
}

// A quota that is used up by the pods that would be replaced.
TEST(DryRun, WhatIsUnclearHoldsUpNothing) {
  FakeCluster cluster = a_running_cluster();
  cluster.judge_pod_ = [](const Json&) { return DryRun{Answer::kUnclear, "exceeded quota: npus."}; };
  cluster.edit_spec(kImage, "vllm:2");
  cluster.apply_plan(cluster.plan_now());
  const Plan made = cluster.plan_now();
  EXPECT_THAT(all<DeletePod>(made), SizeIs(1));
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "Unknown");
  EXPECT_EQ(cluster.condition("TemplatesValid").reason, "Undecided");
  EXPECT_THAT(cluster.condition("TemplatesValid").message, HasSubstr("decode is not certain: exceeded quota: npus."));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "True") << "the first new pod has shown it";
}

// An API server that does not answer would not make the successor either.
TEST(DryRun, WithoutAnAnswerNothingIsReplaced) {
  FakeCluster cluster = a_running_cluster();
  cluster.judge_pod_ = [](const Json&) { return DryRun{Answer::kNone, "failed calling webhook."}; };
  cluster.edit_spec(kImage, "vllm:2");
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-decode-0-0-1"));
  EXPECT_THAT(cluster.condition("TemplatesValid").message, HasSubstr("failed calling webhook."));
}

// A pod of the template says as much.
TEST(DryRun, NothingIsTriedAnewAfterARestart) {
  FakeCluster cluster = a_running_cluster();
  cluster.dry_runs_.clear();
  const Plan made = cluster.plan_now();
  EXPECT_TRUE(made.actions.empty());
  for (const DryRunTarget& target : made.dry_runs) EXPECT_TRUE(target.proven) << target.role;
}

TEST(DryRun, WhatWasSaidOfTheSameSpecStaysUntilTheAnswer) {
  FakeCluster cluster = a_running_cluster();
  refuse(cluster, "vllm:2");
  cluster.edit_spec(kImage, "vllm:2");
  ASSERT_TRUE(cluster.settle());
  cluster.dry_runs_.clear();
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.condition("TemplatesValid").reason, "PodRefused");
}

}  // namespace
}  // namespace pd::plan
