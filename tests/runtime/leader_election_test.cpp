#include "runtime/leader_election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/runtime/leader_election_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::Candidate;
using Fate = test::LeaseServer::Fate;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Becoming the leader.

TEST_F(LeaderElectionTest, MakesTheLeaseThatIsNotThere) {
  const Candidate a(context_, server_, "a");
  pass(Duration::zero());
  EXPECT_THAT(a.told, ElementsAre("leading", "started"));
  EXPECT_THAT(server_.requests, ElementsAre("GET", "POST - a"));
  EXPECT_EQ(lease().holder, "a");
  EXPECT_EQ(lease().duration_seconds, 15);
  EXPECT_EQ(lease().transitions, 0);
  EXPECT_THAT(lease().renewed, StartsWith("2026-11-24T06:34:56."));
  EXPECT_EQ(lease().acquired, lease().renewed);
}

TEST_F(LeaderElectionTest, TakesAReleasedLeaseAtOnce) {
  server_.put(held_by("", 1));
  const Candidate a(context_, server_, "a");
  pass(Duration::zero());
  EXPECT_TRUE(a.elector.may_write());
  EXPECT_THAT(server_.requests, ElementsAre("GET", "PUT 1 a"));
  EXPECT_EQ(lease().transitions, 5);
}

TEST_F(LeaderElectionTest, LeavesALeaseThatIsRenewed) {
  server_.put(held_by("other"));
  const Candidate a(context_, server_, "a");
  for (int i = 0; i < 20; ++i) {
    pass(seconds(10));
    server_.edit([i](kube::Lease& lease) { lease.renewed = "renewal " + std::to_string(i); });
  }
  EXPECT_THAT(a.told, IsEmpty());
  EXPECT_FALSE(a.elector.may_write());
  EXPECT_EQ(lease().holder, "other");
}

// Also when the Lease says that it was renewed long ago, or will be renewed in a year: whose clock is wrong is unknown.
TEST_F(LeaderElectionTest, TakesOverWhenItHasSeenNoChangeForAsLongAsTheLeaseSays) {
  for (const char* renewed :
       {"2026-11-24T06:34:56.000000Z", "2001-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z", "", "yesterday"}) {
    kube::Lease old = held_by("other", 20);
    old.renewed = renewed;
    server_.put(old);
    Candidate a(context_, server_, "a");
    const Duration waited = pass_until_leading(a);
    EXPECT_GE(waited, seconds(20)) << renewed;
    EXPECT_LE(waited, milliseconds(20300)) << renewed;
    EXPECT_EQ(lease().transitions, 5);
    a.stop.stop();
    EXPECT_TRUE(release(a));
  }
}

TEST_F(LeaderElectionTest, AChangeJustBeforeTheEndCounts) {
  server_.put(held_by("other"));
  const Candidate a(context_, server_, "a");
  pass(milliseconds(14900));
  server_.edit([](kube::Lease& lease) { lease.renewed = "later"; });
  EXPECT_GE(pass_until_leading(a), seconds(15));
}

TEST_F(LeaderElectionTest, AnotherHandOnItsLabelsIsNoRenewal) {
  server_.put(held_by("other"));
  const Candidate a(context_, server_, "a");
  pass(seconds(10));
  server_.edit([](kube::Lease& lease) { lease.meta.labels["team"] = "x"; });
  EXPECT_LE(pass_until_leading(a), seconds(6));
  EXPECT_EQ(lease().meta.label("team"), "x");
}

TEST_F(LeaderElectionTest, PutsUpWithGarbage) {
  kube::Lease garbage = held_by("???", 0);
  garbage.transitions = std::numeric_limits<int>::max();
  garbage.acquired = garbage.renewed = "!";
  server_.put(garbage);
  const Candidate a(context_, server_, "a");
  const Duration waited = pass_until_leading(a);
  EXPECT_GE(waited, seconds(15));  // no duration: ours
  EXPECT_LE(waited, seconds(16));
  EXPECT_EQ(lease().transitions, 0);
}

TEST_F(LeaderElectionTest, OneOfTwoWinsTheRaceForANewLease) {
  server_.fate = [](const kube::HttpRequest&) { return Fate{.before = milliseconds(10)}; };
  const Candidate a(context_, server_, "a");
  const Candidate b(context_, server_, "b");
  pass(minutes(5));
  EXPECT_TRUE(a.elector.leading());
  EXPECT_THAT(b.told, IsEmpty());
}

TEST_F(LeaderElectionTest, OneOfTwoWinsTheRaceForAnExpiredLease) {
  server_.put(held_by("", 1));
  server_.fate = [](const kube::HttpRequest&) { return Fate{.before = milliseconds(10)}; };
  const Candidate a(context_, server_, "a");
  const Candidate b(context_, server_, "b");
  pass(minutes(5));
  EXPECT_NE(a.elector.leading(), b.elector.leading());
  EXPECT_EQ(lease().transitions, 5);
}

TEST_F(LeaderElectionTest, FindsOutThatItHoldsTheLeaseWhenTheAnswerWasLost) {
  for (const char* method : {"POST", "PUT"}) {
    server_.remove();
    if (std::string(method) == "PUT") server_.put(held_by("", 1));
    bool lost = false;
    server_.fate = [&](const kube::HttpRequest& request) {
      return Fate{.answers = request.method != method || std::exchange(lost, true)};
    };
    Candidate a(context_, server_, "a");
    pass(seconds(4));
    EXPECT_EQ(lease().holder, "a");
    EXPECT_FALSE(a.elector.leading()) << method;
    const std::string acquired = lease().acquired;
    const int transitions = lease().transitions;
    pass(seconds(6));
    EXPECT_TRUE(a.elector.leading()) << method;
    EXPECT_EQ(lease().acquired, acquired);
    EXPECT_EQ(lease().transitions, transitions);
    a.stop.stop();
    EXPECT_TRUE(release(a));
  }
}

// The answer to the second one is a refusal, though the first did its work.
TEST_F(LeaderElectionTest, ARequestThatIsSentTwiceDoesNoHarm) {
  int writes = 0;
  server_.fate = [&writes](const kube::HttpRequest& request) {
    const bool is_write = request.method != "GET";
    return Fate{.twice = is_write && writes++ % 2 == 0};
  };
  const Candidate a(context_, server_, "a");
  pass(minutes(10));
  EXPECT_TRUE(a.elector.may_write());
  EXPECT_THAT(a.told, ElementsAre("leading", "started"));
}

TEST_F(LeaderElectionTest, AnAnswerThatComesTooLateIsNoLeadership) {
  ElectionTiming timing{seconds(2), milliseconds(900), milliseconds(500)};
  server_.fate = [](const kube::HttpRequest&) { return Fate{.after = milliseconds(950)}; };
  const Candidate a(context_, server_, "a", timing);
  pass(seconds(20));
  EXPECT_EQ(lease().holder, "a");
  EXPECT_THAT(a.told, IsEmpty());
}

TEST_F(LeaderElectionTest, TriesAgainWhenTheServerRefusesAndWithJitter) {
  server_.fate = [](const kube::HttpRequest&) { return Fate{.refusal = 503}; };
  std::set<Duration> waits;
  const Candidate a(context_, server_, "a");
  Instant last = time_.now();
  std::size_t seen = 0;
  test::pass(context_, time_, minutes(5), [&] {
    if (server_.requests.size() == seen) return;
    seen = server_.requests.size();
    if (seen > 1) waits.insert(time_.now() - last);
    last = time_.now();
  });
  EXPECT_GT(waits.size(), 20U);
  EXPECT_GE(*waits.begin(), seconds(2));
  EXPECT_LE(*waits.rbegin(), milliseconds(4400));
  server_.fate = [](const kube::HttpRequest&) { return Fate{}; };
  EXPECT_LE(pass_until_leading(a), seconds(5));
}

// Staying it.

TEST_F(LeaderElectionTest, RenewsWithOneRequestEachRetryPeriod) {
  const Candidate a(context_, server_, "a");
  pass(Duration::zero());
  const std::string acquired = lease().acquired;
  server_.requests.clear();
  std::set<std::string> renewed;
  test::pass(context_, time_, seconds(7), [&] { renewed.insert(lease().renewed); });
  EXPECT_THAT(server_.requests, ElementsAre("PUT 1 a", "PUT 2 a", "PUT 3 a"));
  EXPECT_EQ(renewed.size(), 4U);  // each differs, though the wall clock stands still
  EXPECT_EQ(lease().acquired, acquired);
  EXPECT_EQ(lease().transitions, 0);
}

TEST_F(LeaderElectionTest, TheDeadlineCountsFromWhenTheRenewalWasSent) {
  server_.fate = [](const kube::HttpRequest&) { return Fate{.before = seconds(1), .after = seconds(2)}; };
  const Candidate a(context_, server_, "a");
  const Instant start = time_.now();
  pass(seconds(6));  // GET 3 s, POST 3 s
  EXPECT_EQ(a.elector.valid_until(), start + seconds(3) + seconds(10));
}

TEST_F(LeaderElectionTest, SurvivesFailuresThatAreShorterThanTheDeadline) {
  const Candidate a(context_, server_, "a");
  pass(seconds(1));
  for (int i = 0; i < 10; ++i) {
    server_.fate = [](const kube::HttpRequest&) { return Fate{.refusal = 500}; };
    pass(seconds(6));
    server_.fate = [](const kube::HttpRequest&) { return Fate{}; };
    pass(seconds(3));
  }
  EXPECT_THAT(a.told, ElementsAre("leading", "started"));
}

// Were the pause counted from the end of the one that hung, the next would be answered too late.
TEST_F(LeaderElectionTest, SurvivesARenewalThatHangsThoughTheNextAreSlow) {
  const Candidate a(context_, server_, "a");
  pass(seconds(1));
  bool hung = false;
  server_.fate = [&](const kube::HttpRequest&) {
    if (!std::exchange(hung, true)) return Fate{.arrives = false};
    return Fate{.before = milliseconds(750), .after = milliseconds(750)};
  };
  pass(minutes(1));
  EXPECT_THAT(a.told, ElementsAre("leading", "started"));
}

TEST_F(LeaderElectionTest, ARenewalWhoseAnswerWasLostIsNoConflict) {
  const Candidate a(context_, server_, "a");
  pass(seconds(1));
  bool lost = false;
  server_.fate = [&](const kube::HttpRequest&) { return Fate{.answers = std::exchange(lost, true)}; };
  server_.requests.clear();
  pass(milliseconds(7500));  // at 2 s, to 7 s; at 7.2 s
  EXPECT_THAT(server_.requests, ElementsAre("PUT 1 a", "PUT 1 a", "GET", "PUT 2 a"));
  EXPECT_THAT(a.told, ElementsAre("leading", "started"));
}

TEST_F(LeaderElectionTest, AnotherHandOnTheLeaseCostsNoLeadership) {
  const Candidate a(context_, server_, "a");
  pass(seconds(1));
  server_.edit([](kube::Lease& lease) { lease.meta.labels["team"] = "x"; });
  pass(seconds(30));
  EXPECT_THAT(a.told, ElementsAre("leading", "started"));
  EXPECT_EQ(lease().meta.label("team"), "x");
}

TEST_F(LeaderElectionTest, MakesTheLeaseAnewThatWasDeletedByHand) {
  const Candidate a(context_, server_, "a");
  pass(seconds(1));
  server_.remove();
  server_.requests.clear();
  pass(seconds(2));
  EXPECT_THAT(server_.requests, ElementsAre("PUT 1 a", "GET", "POST - a"));
  EXPECT_THAT(a.told, ElementsAre("leading", "started"));
  EXPECT_EQ(lease().holder, "a");
}

TEST_F(LeaderElectionTest, LosesARaceForTheLeaseThatWasDeletedByHand) {
  const Candidate a(context_, server_, "a");
  pass(seconds(1));
  server_.remove();
  server_.put(held_by("other"));
  pass(seconds(2));
  EXPECT_THAT(a.told, ElementsAre("leading", "started", "not leading", HasSubstr("other")));
}

// Losing it.

TEST_F(LeaderElectionTest, TheWatchdogEndsTheLeadershipWhileARenewalHangs) {
  const Candidate a(context_, server_, "a");
  pass(Duration::zero());
  server_.fate = [](const kube::HttpRequest&) { return Fate{.arrives = false}; };
  pass(milliseconds(9999));
  EXPECT_TRUE(a.elector.may_write());
  EXPECT_FALSE(a.ended);
  pass(milliseconds(1));
  EXPECT_FALSE(a.elector.may_write());
  EXPECT_THAT(a.told, ElementsAre("leading", "started", "not leading", HasSubstr("not renewed within 10s")));
  pass(minutes(5));
  EXPECT_TRUE(a.ended);  // and does not come back
  EXPECT_EQ(a.told.size(), 4U);
}

// Its answer must not bring the leadership back.
TEST_F(LeaderElectionTest, ARenewalThatIsAnsweredAfterTheWatchdogChangesNothing) {
  ElectionTiming timing{seconds(15), milliseconds(4500), seconds(2)};
  const Candidate a(context_, server_, "a", timing);
  pass(Duration::zero());
  int renewals = 0;
  server_.fate = [&](const kube::HttpRequest&) {
    ++renewals;
    return renewals == 1 ? Fate{.refusal = 500} : Fate{.before = seconds(1), .after = seconds(1)};
  };
  pass(minutes(1));
  EXPECT_EQ(renewals, 2);
  EXPECT_THAT(a.told, ElementsAre("leading", "started", "not leading", HasSubstr("not renewed")));
  EXPECT_FALSE(a.elector.may_write());
}

TEST_F(LeaderElectionTest, ADeposedLeaderStopsAtOnceAndWritesNothing) {
  for (const char* successor : {"other", ""}) {
    server_.remove();
    const Candidate a(context_, server_, "a");
    pass(seconds(1));
    server_.edit([successor](kube::Lease& lease) { lease.holder = successor; });
    server_.requests.clear();
    pass(minutes(2));
    ASSERT_EQ(server_.requests.size(), 2U);
    EXPECT_EQ(server_.requests[1], "GET");
    EXPECT_EQ(lease().holder, successor);
    ASSERT_EQ(a.told.size(), 4U);
    EXPECT_EQ(a.told[2], "not leading");
    EXPECT_TRUE(a.ended);
  }
}

// As SIGSTOP does it: all that was to happen meanwhile is due at once.
TEST_F(LeaderElectionTest, ASuspendedLeaderWakesWithNothingToWriteWith) {
  const Candidate a(context_, server_, "a");
  pass(seconds(1));
  server_.requests.clear();
  time_.advance_to(time_.now() + seconds(10));
  EXPECT_FALSE(a.elector.may_write());
  pass(minutes(1));
  EXPECT_THAT(a.told, ElementsAre("leading", "started", "not leading", HasSubstr("")));
  EXPECT_THAT(server_.requests, IsEmpty());
}

TEST(ElectionTiming, IsChecked) {
  EXPECT_TRUE(check({}));
  const auto refusal = [](Duration lease, Duration renew, Duration retry) {
    const Status checked = check({lease, renew, retry});
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(refusal(seconds(15), seconds(15), seconds(2)),
            "the lease duration (15s) must be longer than the renew deadline (15s)");
  EXPECT_EQ(refusal(seconds(15), seconds(10), seconds(9)),
            "the renew deadline (10s) must be longer than 1.2 times the retry period (9s)");
  EXPECT_EQ(refusal(milliseconds(1500), seconds(1), milliseconds(500)),
            "the lease duration must be whole seconds, at least one, not 1.5s");
  EXPECT_EQ(refusal(seconds(0), seconds(10), seconds(2)),
            "the lease duration must be whole seconds, at least one, not 0s");
  EXPECT_EQ(refusal(seconds(15), seconds(10), seconds(0)), "the retry period must be more than 0");
}

TEST(UniqueIdentity, IsTheHostAndAUuid) {
  const std::string a = unique_identity("host-1");
  EXPECT_THAT(a, ::testing::MatchesRegex("host-1_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(a, unique_identity("host-1"));
}

}  // namespace
}  // namespace pd::runtime
