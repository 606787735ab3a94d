#include "plan/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/touch.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class Delivered : public ::testing::Test {
 protected:
  Delivered() { cluster_.settle(); }

  Situation situation() {
    snapshot_ = cluster_.snapshot();
    snapshot_.deliveries = deliveries_;
    return assess(snapshot_, cluster_.now_);
  }
  std::int64_t generation() { return situation().table.generation; }
  const std::string& uid(const char* pod) { return cluster_.pod(pod).meta.uid; }
  void confirm(const char* pod) { deliveries_[uid(pod)].generation = generation(); }
  kube::Condition condition() { return delivered(situation()); }

  FakeCluster cluster_{a_deployment()};
  Snapshot snapshot_;
  std::map<std::string, DeliveryState> deliveries_;
};

constexpr const char* kScheduler = "qwen-scheduler-0-0-1";
constexpr const char* kPrefill = "qwen-prefill-0-0-1";
constexpr const char* kDecode = "qwen-decode-0-0-1";

TEST_F(Delivered, EachListedPodIsAskedForTheGeneration) {
  const Plan made = cluster_.plan_now();
  ASSERT_THAT(made.deliveries, SizeIs(3));
  for (const DeliveryTarget& target : made.deliveries) {
    EXPECT_EQ(target.generation, generation());
    EXPECT_EQ(target.port, 8089);
  }
  EXPECT_EQ(made.deliveries[1], (DeliveryTarget{uid(kPrefill), cluster_.pod(kPrefill).pod_ip, 8089, generation()}));
}

TEST_F(Delivered, NobodyIsAskedBeforeThereIsATable) {
  FakeCluster young(a_deployment());
  for (int i = 0; i < 3; ++i) young.apply_plan(young.plan_now());
  ASSERT_THAT(young.pods_, SizeIs(3));
  EXPECT_THAT(young.plan_now().deliveries, IsEmpty());
  EXPECT_EQ(young.condition("RanktableDelivered").reason, "NothingToDeliver");
}

TEST_F(Delivered, IsTrueWhenAllHaveConfirmed) {
  EXPECT_EQ(condition().status, "False");
  confirm(kScheduler);
  confirm(kDecode);
  EXPECT_EQ(condition().status, "False");
  confirm(kPrefill);
  EXPECT_EQ(condition().status, "True");
  EXPECT_THAT(condition().message, HasSubstr("All 3 listed pods see generation"));
}

// Each other message is a write of the status.
TEST_F(Delivered, WhoIsMissingIsSaidOfWhatTakesLong) {
  cluster_.now_ = *cluster_.status().ranktable.published_at + seconds(4);
  const std::string early = condition().message;
  EXPECT_THAT(early, HasSubstr("Kubelet is bringing generation"));
  confirm(kScheduler);
  confirm(kDecode);
  EXPECT_EQ(condition().message, early);
  cluster_.now_ += seconds(1);
  EXPECT_THAT(condition().message, HasSubstr("into 1 of 3 pods; the first is qwen-prefill-0-0-1"));
}

// Of an operator whose clock was ahead: nothing would ever be overdue.
TEST_F(Delivered, ATimeOfPublicationFromTheFutureIsNotBelieved) {
  cluster_.now_ -= std::chrono::hours(1);
  ASSERT_TRUE(cluster_.settle());
  EXPECT_LE(cluster_.status().ranktable.published_at, cluster_.now_);
}

TEST_F(Delivered, AnOlderGenerationIsNoConfirmation) {
  for (const char* pod : {kScheduler, kPrefill, kDecode}) confirm(pod);
  deliveries_[uid(kDecode)].generation = generation() - 1;
  EXPECT_EQ(condition().reason, "Delivering");
}

TEST_F(Delivered, IsUnknownWhereAPodCannotBeAsked) {
  confirm(kScheduler);
  confirm(kPrefill);
  deliveries_[uid(kDecode)].problem = "it can't be reached: Connection refused";
  EXPECT_EQ(condition().status, "Unknown");
  EXPECT_EQ(condition().reason, "Unreachable");
  EXPECT_THAT(condition().message, HasSubstr("qwen-decode-0-0-1 does not tell whether it sees generation"));
  EXPECT_THAT(condition().message, HasSubstr("Connection refused. Look at its container pd-gate-watch"));
  cluster_.pod(kDecode).gate_waiting = "ImagePullBackOff";
  EXPECT_THAT(condition().message, HasSubstr("its container pd-gate-watch waits: ImagePullBackOff."));
}

TEST_F(Delivered, IsUnknownWhereAPodHasNoSidecar) {
  confirm(kScheduler);
  confirm(kDecode);
  cluster_.pod(kPrefill).gate_port = 0;
  EXPECT_EQ(condition().reason, "NoSidecar");
  EXPECT_THAT(cluster_.plan_now().deliveries, SizeIs(2));
}

TEST_F(Delivered, WhoHasConfirmedIsNotTouchedAgain) {
  for (const char* pod : {kScheduler, kPrefill, kDecode})
    cluster_.pod(pod).meta.annotations.erase(std::string(kube::kRetouchedAnnotation));
  cluster_.now_ = *cluster_.status().ranktable.published_at + seconds(5);
  confirm(kScheduler);
  std::vector<std::string> touched;
  const Touches touches = plan_touches(situation());
  for (const TouchPod& touch : touches.pods) touched.push_back(touch.name);
  EXPECT_THAT(touched, UnorderedElementsAre(kPrefill, kDecode));
}

}  // namespace
}  // namespace pd::plan
