#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using ::testing::HasSubstr;

template <typename T>
std::size_t index_of(const Plan& made) {
  for (std::size_t i = 0; i < made.actions.size(); ++i) {
    if (std::holds_alternative<T>(made.actions[i])) return i;
  }
  return SIZE_MAX;
}

TEST(Plan, BringsADeploymentUpFromNothing) {
  FakeCluster cluster(a_deployment().prefill(2).decode(1));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  EXPECT_EQ(cluster.condition("Progressing").reason, "Settled");
  EXPECT_EQ(cluster.status().prefill.summary, "2/2");
  EXPECT_EQ(cluster.status().ranktable.npus, 6);
  EXPECT_EQ(cluster.pods_.size(), 4U);
  EXPECT_EQ(cluster.objects_.all_.size(), 2U);
  EXPECT_EQ(cluster.table_writes_, 2) << "the initializing table and the complete one";
}

TEST(Plan, MakesTheInitializingTableBeforeThePods) {
  FakeCluster cluster(a_deployment());
  const Plan first = cluster.plan_now();
  EXPECT_LT(index_of<CreateConfigMap>(first), SIZE_MAX);
  EXPECT_EQ(index_of<CreatePod>(first), SIZE_MAX);
  cluster.apply_plan(first);
  EXPECT_EQ(cluster.generation(), "0");
  EXPECT_THAT(cluster.table("local_ranktable_prefill-0.json"), HasSubstr("initializing"));
  EXPECT_LT(index_of<CreatePod>(cluster.plan_now()), SIZE_MAX);
}

TEST(Plan, WritesTheTableThenTouchesThenReportsIt) {
  FakeCluster cluster(a_deployment());
  Plan made;
  for (int round = 0; round < 20 && index_of<ReplaceConfigMap>(made) == SIZE_MAX; ++round) {
    cluster.apply_plan(made);
    cluster.live();
    made = cluster.plan_now();
  }
  ASSERT_LT(index_of<ReplaceConfigMap>(made), SIZE_MAX);
  EXPECT_LT(index_of<ReplaceConfigMap>(made), index_of<TouchPod>(made));
  EXPECT_LT(index_of<TouchPod>(made), index_of<WriteStatus>(made));
}

TEST(Plan, IsEmptyForADeploymentThatIsBeingDeleted) {
  FakeCluster cluster(a_deployment().set("/metadata/deletionTimestamp", "2026-11-24T12:00:00Z"));
  EXPECT_TRUE(cluster.plan_now().actions.empty());
}

}  // namespace
}  // namespace pd::plan
