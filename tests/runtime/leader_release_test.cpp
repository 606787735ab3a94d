#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/leader_election_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Candidate;
using Fate = test::LeaseServer::Fate;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(LeaderElectionTest, ReleasesOnlyWhenToldAfterItWasStopped) {
  Candidate a(context_, server_, "a");
  pass(seconds(1));
  a.stop.stop();
  pass(seconds(1));
  EXPECT_TRUE(a.ended);
  EXPECT_TRUE(a.elector.may_write());  // what it guards may still be ending
  EXPECT_EQ(lease().holder, "a");
  server_.requests.clear();
  EXPECT_TRUE(release(a));
  EXPECT_FALSE(a.elector.may_write());
  EXPECT_THAT(server_.requests, ElementsAre("PUT 1 -"));
  EXPECT_EQ(lease().holder, "");
  EXPECT_EQ(lease().duration_seconds, 1);
  EXPECT_EQ(lease().transitions, 0);
  EXPECT_THAT(a.told, ElementsAre("leading", "started", "not leading"));
  const Candidate b(context_, server_, "b");
  pass(Duration::zero());
  EXPECT_TRUE(b.elector.leading());
  EXPECT_EQ(lease().transitions, 1);
}

// Nothing may be written once another could have seen the release.
TEST_F(LeaderElectionTest, MayNotWriteFromWhenTheReleaseIsSent) {
  Candidate a(context_, server_, "a");
  pass(seconds(1));
  a.stop.stop();
  pass(Duration::zero());
  bool may_write = true;
  server_.fate = [&](const kube::HttpRequest&) {
    may_write = a.elector.may_write();
    return Fate{};
  };
  EXPECT_TRUE(release(a));
  EXPECT_FALSE(may_write);
}

TEST_F(LeaderElectionTest, ReleasesThoughTheLastRenewalsAnswerWasLost) {
  Candidate a(context_, server_, "a");
  pass(seconds(1));
  server_.fate = [](const kube::HttpRequest&) { return Fate{.answers = false}; };
  pass(seconds(2));
  a.stop.stop();
  pass(seconds(5));
  EXPECT_TRUE(a.ended);
  server_.fate = [](const kube::HttpRequest&) { return Fate{}; };
  EXPECT_TRUE(release(a));
  EXPECT_EQ(lease().holder, "");
}

// It won, and was stopped before it knew: the answer was lost, or was the refusal of a repetition that the HTTP library
// had sent.
TEST_F(LeaderElectionTest, ReleasesWhatItWonWithoutKnowing) {
  for (const Fate of_writes : {Fate{.answers = false}, Fate{.twice = true}}) {
    server_.remove();
    server_.fate = [&](const kube::HttpRequest& request) { return request.method == "GET" ? Fate{} : of_writes; };
    Candidate a(context_, server_, "a");
    pass(milliseconds(100));
    a.stop.stop();
    pass(seconds(11));
    EXPECT_TRUE(a.ended);
    EXPECT_FALSE(a.elector.leading());
    EXPECT_EQ(lease().holder, "a");
    server_.fate = [](const kube::HttpRequest&) { return Fate{}; };
    EXPECT_TRUE(release(a));
    EXPECT_EQ(lease().holder, "");
  }
}

TEST_F(LeaderElectionTest, ReleasesNothingThatAnotherHolds) {
  Candidate a(context_, server_, "a");
  pass(seconds(1));
  a.stop.stop();
  pass(Duration::zero());
  server_.edit([](kube::Lease& lease) { lease.holder = "other"; });
  const Status released = release(a);
  ASSERT_FALSE(released);
  EXPECT_THAT(released.error().message, HasSubstr("other"));
  EXPECT_EQ(lease().holder, "other");
}

TEST_F(LeaderElectionTest, TheWatchdogAlsoHoldsWhileItStops) {
  Candidate a(context_, server_, "a");
  pass(Duration::zero());
  a.stop.stop();
  pass(seconds(10));
  EXPECT_THAT(a.told, ElementsAre("leading", "started", "not leading", HasSubstr("not renewed")));
}

TEST_F(LeaderElectionTest, AStandbyStopsAtOnceAndHasNothingToRelease) {
  server_.put(held_by("other"));
  server_.fate = [](const kube::HttpRequest&) { return Fate{.arrives = false}; };
  Candidate a(context_, server_, "a");
  pass(seconds(1));
  a.stop.stop();
  pass(Duration::zero());
  EXPECT_TRUE(a.ended);
  server_.requests.clear();
  EXPECT_TRUE(release(a));
  EXPECT_THAT(server_.requests, IsEmpty());
}

// Else the others would wait a whole lease for one that is not there.
TEST_F(LeaderElectionTest, ReleasesWhatItGotWhileItWasStopped) {
  server_.fate = [](const kube::HttpRequest&) { return Fate{.before = milliseconds(100)}; };
  Candidate a(context_, server_, "a");
  pass(milliseconds(150));
  a.stop.stop();
  pass(seconds(1));
  EXPECT_TRUE(a.ended);
  EXPECT_THAT(a.told, IsEmpty());
  EXPECT_TRUE(release(a));
  EXPECT_EQ(lease().holder, "");
}

}  // namespace
}  // namespace pd::runtime
