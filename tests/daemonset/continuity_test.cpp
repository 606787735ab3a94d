#include "daemonset/continuity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const npu::PodDevices kPod{"llm", "p", "u-1", {4, 5}};
const npu::PodDevices kOther{"llm", "q", "u-2", {6}};
constexpr Duration kMoment = milliseconds(1);

class Reading : public ::testing::Test {
 protected:
  static OwnersReading listed(std::vector<npu::PodDevices> pods, std::set<std::string> growing = {}) {
    OwnersReading reading;
    reading.pods = std::move(pods);
    reading.growing = std::move(growing);
    return reading;
  }
  static OwnersReading nothing() {
    OwnersReading reading;
    reading.nothing_listed = true;
    return reading;
  }
  std::vector<npu::PodDevices> judge(OwnersReading reading) {
    Continuity::Verdict verdict = continuity_.judge(std::move(reading), checkpoint_, now_);
    look_again_ = verdict.look_again;
    return verdict.pods;
  }

  Continuity continuity_;
  DevicesByUid checkpoint_ = {{"u-1", {4, 5}}, {"u-2", {6}}};
  Instant now_{std::chrono::hours(1)};
  std::optional<Instant> look_again_;
};

TEST_F(Reading, IsTakenAtItsWord) {
  EXPECT_THAT(judge(listed({kPod, kOther})), ElementsAre(kPod, kOther));
  EXPECT_FALSE(look_again_);
}

TEST_F(Reading, APodThatMayGrowIsHeldBackUntilItHasStayedTheSame) {
  EXPECT_THAT(judge(listed({kPod}, {"u-1"})), IsEmpty());
  EXPECT_EQ(look_again_, now_ + Continuity::kGrown);
  now_ += Continuity::kGrown - kMoment;
  EXPECT_THAT(judge(listed({kPod}, {"u-1"})), IsEmpty());
  now_ += kMoment;
  EXPECT_THAT(judge(listed({kPod}, {"u-1"})), ElementsAre(kPod));
  EXPECT_FALSE(look_again_);
}

TEST_F(Reading, APodThatGrowsIsHeldBackAnew) {
  const npu::PodDevices half{"llm", "p", "u-1", {4}};
  judge(listed({half}, {"u-1"}));
  now_ += Continuity::kGrown;
  EXPECT_THAT(judge(listed({kPod}, {"u-1"})), IsEmpty());
  now_ += Continuity::kGrown;
  EXPECT_THAT(judge(listed({kPod}, {"u-1"})), ElementsAre(kPod));
}

TEST_F(Reading, APodIsSaidAsSoonAsItsLastContainerHasNpus) {
  judge(listed({{"llm", "p", "u-1", {4}}}, {"u-1"}));
  EXPECT_THAT(judge(listed({kPod})), ElementsAre(kPod));
}

TEST_F(Reading, WhatWasSaidOnceIsNotHeldBackAgain) {
  continuity_.remember({.pods = {kPod}});
  EXPECT_THAT(judge(listed({kPod}, {"u-1"})), ElementsAre(kPod));
  EXPECT_THAT(judge(listed({kPod}, {"u-1"})), ElementsAre(kPod));
}

// Kubelet was restarted: the pods run, and are not listed. Before that, nobody had looked for a while.
TEST_F(Reading, APodThatIsNotListedStaysWhileTheCheckpointHasIt) {
  judge(listed({kPod, kOther}));
  now_ += std::chrono::minutes(1);
  EXPECT_THAT(judge(nothing()), ElementsAre(kPod, kOther));
  EXPECT_EQ(look_again_, now_ + Continuity::kNothingListed);
  now_ += Continuity::kNothingListed - kMoment;
  EXPECT_THAT(judge(nothing()), ElementsAre(kPod, kOther));
  now_ += kMoment;
  EXPECT_THAT(judge(nothing()), IsEmpty());
}

// Kubelet was restarted while the API server is away.
TEST_F(Reading, NoPodIsWithdrawnWhileKubeletWaitsForTheApiServer) {
  judge(listed({kPod, kOther}));
  OwnersReading waits = nothing();
  waits.kubelet_waits = true;
  for (int hour = 0; hour < 3; ++hour) {
    now_ += std::chrono::hours(1);
    EXPECT_THAT(judge(waits), ElementsAre(kPod, kOther));
  }
  now_ += std::chrono::hours(1);
  EXPECT_THAT(judge(nothing()), ElementsAre(kPod, kOther)) << "the time that it has is counted from here";
  now_ += Continuity::kNothingListed;
  EXPECT_THAT(judge(nothing()), IsEmpty());
}

TEST_F(Reading, WhereOthersAreListedItStaysForAMoment) {
  judge(listed({kPod, kOther}));
  now_ += std::chrono::minutes(1);
  EXPECT_THAT(judge(listed({kOther})), ElementsAre(kOther, kPod));
  now_ += Continuity::kUnlisted - kMoment;
  EXPECT_THAT(judge(listed({kOther})), ElementsAre(kOther, kPod));
  now_ += kMoment;
  EXPECT_THAT(judge(listed({kOther})), ElementsAre(kOther));
}

TEST_F(Reading, APodThatIsListedLaterThanTheFirstStays) {
  judge(listed({kPod, kOther}));
  judge(nothing());
  now_ += Continuity::kNothingListed - kMoment;
  EXPECT_THAT(judge(listed({kOther})), ElementsAre(kOther, kPod));
  now_ += Continuity::kUnlisted - kMoment;
  EXPECT_THAT(judge(listed({kOther})), ElementsAre(kOther, kPod));
  EXPECT_THAT(judge(listed({kOther, kPod})), ElementsAre(kOther, kPod));
  EXPECT_FALSE(look_again_);
}

TEST_F(Reading, APodThatLosesADeviceIsNotBelievedAtOnce) {
  judge(listed({kPod}));
  const npu::PodDevices other{"llm", "p", "u-1", {5, 6}};
  EXPECT_THAT(judge(listed({other})), IsEmpty());
  EXPECT_TRUE(look_again_);
  EXPECT_THAT(judge(listed({other})), ElementsAre(other));
}

TEST_F(Reading, NamesAreKnownAsLongAsTheCheckpointHasTheUid) {
  judge(listed({kPod, kOther}));
  now_ += std::chrono::minutes(1);
  checkpoint_.erase("u-2");
  judge(listed({}));
  now_ += std::chrono::minutes(1);
  EXPECT_THAT(judge(listed({})), IsEmpty());
  EXPECT_EQ(continuity_.names(), (PodNames{{"u-1", {"llm", "p"}}}));
}

TEST_F(Reading, WhatTheCheckpointDoesNotSayDoesNotStay) {
  judge(listed({kPod, kOther}));
  checkpoint_ = {{"u-1", {4}}};
  EXPECT_THAT(judge(nothing()), IsEmpty());
}

TEST_F(Reading, ItDoesNotStayBesideAPodThatHasItsDevices) {
  judge(listed({kPod}));
  const npu::PodDevices successor{"llm", "p", "u-3", {5}};
  checkpoint_["u-3"] = {5};
  EXPECT_THAT(judge(listed({successor})), ElementsAre(successor));
  judge(listed({kPod}));
  EXPECT_THAT(judge(listed({successor}, {"u-3"})), IsEmpty()) << "also one that may grow";
}

TEST_F(Reading, WhatAnEarlierRunHasPublishedStaysLikewise) {
  continuity_.remember({.pods = {kPod}});
  EXPECT_THAT(judge(nothing()), ElementsAre(kPod));
  continuity_.remember({.pods = {kOther}});
  EXPECT_THAT(judge(nothing()), ElementsAre(kPod)) << "only before the first reading";
}

}  // namespace
}  // namespace pd::agent
