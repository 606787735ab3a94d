#include "operator/dry_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/spawn.h"
#include "tests/operator/virtual_run.h"

namespace pd::op {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Answer = plan::DryRun::Answer;

const std::string kKey = "llm/qwen";
const std::string kPod = "qwen-prefill-0-0-0";

Answer verdict(Code code, const std::string& message, const std::string& reason = "") {
  return judge(Error{code, "POST /api/v1/namespaces/llm/pods: " + message, reason}, kPod).answer;
}

TEST(Judge, RefusedIsWhatIsInvalidOrDeniedByAPolicy) {
  EXPECT_EQ(judge(Ok{}, kPod).answer, Answer::kAccepted);
  EXPECT_EQ(
      verdict(Code::kInvalid, "Pod \"" + kPod + "\" is invalid: spec.containers[0].image: Required value", "Invalid"),
      Answer::kRefused);
  const std::string forbidden = "pods \"" + kPod + "\" is forbidden: ";
  EXPECT_EQ(verdict(Code::kForbidden, forbidden + "violates PodSecurity \"restricted:latest\": runAsNonRoot != true"),
            Answer::kRefused);
  EXPECT_EQ(verdict(Code::kForbidden, forbidden + "failed quota: compute: must specify limits.memory for: engine"),
            Answer::kRefused);
  EXPECT_EQ(verdict(Code::kInvalid, "admission webhook \"p.example\" denied the request: no latest", "BadRequest"),
            Answer::kRefused);
}

TEST(Judge, WhatMayPassByItselfIsNoRefusal) {
  const std::string forbidden = "pods \"" + kPod + "\" is forbidden: ";
  EXPECT_EQ(
      verdict(Code::kForbidden, forbidden + "exceeded quota: npus, requested: pods=1, used: pods=4, limited: pods=4"),
      Answer::kUnclear);
  EXPECT_EQ(verdict(Code::kForbidden, forbidden + "not yet ready to handle request"), Answer::kUnclear);
  EXPECT_EQ(verdict(Code::kForbidden, forbidden + "unable to create new content in namespace llm because it is being "
                                                  "terminated"),
            Answer::kUnclear);
  EXPECT_EQ(verdict(Code::kForbidden, forbidden + "error looking up service account llm/default: serviceaccount "
                                                  "\"default\" not found"),
            Answer::kUnclear);
  EXPECT_EQ(
      verdict(Code::kForbidden, "pods is forbidden: User \"x\" cannot create resource \"pods\" in API group \"\""),
      Answer::kUnclear);
  EXPECT_EQ(verdict(Code::kNotFound, "namespaces \"llm\" not found"), Answer::kUnclear);
  EXPECT_EQ(verdict(Code::kInvalid, "admission webhook \"p.example\" does not support dry run", "BadRequest"),
            Answer::kUnclear);
  EXPECT_EQ(verdict(Code::kUnavailable, "failed calling webhook \"p.example\""), Answer::kNone);
  EXPECT_EQ(verdict(Code::kTimeout, "no answer in time"), Answer::kNone);
}

TEST(Judge, SaysItInTheServersWords) {
  const Error error{Code::kInvalid, "POST /api/v1/namespaces/llm/pods: Pod \"x\" is invalid: spec: Required value",
                    "Invalid"};
  EXPECT_EQ(judge(error, kPod).message, "Pod \"x\" is invalid: spec: Required value.");
  EXPECT_LE(judge(Error{Code::kInvalid, std::string(9000, 'x'), "Invalid"}, kPod).message.size(), 1010U);
  // Never within a character: the API server would store another text, and the status would never be as wanted.
  std::string chinese;
  for (int i = 0; i < 500; ++i) chinese += "\u62d2";
  const std::string cut = judge(Error{Code::kInvalid, "xx" + chinese, "Invalid"}, kPod).message;
  EXPECT_EQ(cut, "xx" + chinese.substr(0, 996) + " ...");
}

class Trying : public ::testing::Test, protected VirtualRun {
 protected:
  static std::vector<plan::DryRunTarget> pods(const std::string& key) {
    return {{"prefill", key, {{"metadata", {{"name", key}}}}}};
  }
  Answer answer(const std::string& key) { return dry_runs_.answers(kKey).at(key).answer; }

  runtime::Rng rng_{1};
  Status says_ = Ok{};
  std::vector<std::string> tried_;
  std::vector<std::string> changed_;
  int under_way_ = 0;
  int most_ = 0;
  DryRuns dry_runs_{context_, rng_,
                    [this](std::string, Json pod, StopToken) -> boost::asio::awaitable<Status> {
                      tried_.push_back(pod["metadata"]["name"].get<std::string>());
                      most_ = std::max(most_, ++under_way_);
                      co_await runtime::sleep_for(milliseconds(5), {});
                      --under_way_;
                      co_return says_;
                    },
                    [this](const std::string& key) { changed_.push_back(key); }};
};

TEST_F(Trying, EachIsTriedOnce) {
  dry_runs_.follow(kKey, "llm", pods("a"));
  EXPECT_EQ(answer("a"), Answer::kNone);
  advance(seconds(1));
  EXPECT_EQ(answer("a"), Answer::kAccepted);
  EXPECT_THAT(changed_, ElementsAre(kKey));
  dry_runs_.follow(kKey, "llm", pods("a"));
  advance(std::chrono::hours(1));
  EXPECT_THAT(tried_, ElementsAre("a"));
  dry_runs_.follow(kKey, "llm", pods("b"));
  advance(seconds(1));
  EXPECT_THAT(tried_, ElementsAre("a", "b"));
  EXPECT_EQ(dry_runs_.answers(kKey).size(), 1U);
}

TEST_F(Trying, WhatIsNotAcceptedIsTriedLessAndLessOften) {
  says_ = Error{Code::kInvalid, "bad", "Invalid"};
  dry_runs_.follow(kKey, "llm", pods("a"));
  advance(seconds(30));
  EXPECT_EQ(answer("a"), Answer::kRefused);
  EXPECT_THAT(changed_, ElementsAre(kKey)) << "the same answer is no news";
  EXPECT_GE(tried_.size(), 4U);
  const std::size_t tried = tried_.size();
  advance(std::chrono::hours(1));
  EXPECT_LE(tried_.size() - tried, 20U);
  says_ = Ok{};
  advance(minutes(6));
  EXPECT_EQ(answer("a"), Answer::kAccepted);
  EXPECT_THAT(changed_, ElementsAre(kKey, kKey));
}

TEST_F(Trying, NoAnswerIsToldAndNotBelieved) {
  says_ = Error{Code::kUnavailable, "failed calling webhook"};
  dry_runs_.follow(kKey, "llm", pods("a"));
  advance(milliseconds(100));
  EXPECT_EQ(answer("a"), Answer::kNone);
  EXPECT_EQ(dry_runs_.answers(kKey).at("a").message, "failed calling webhook.");
  EXPECT_THAT(changed_, ElementsAre(kKey));
}

// An API server that accepts the dry run and refuses the pod must not make us go in circles.
TEST_F(Trying, ARealRefusalCountsAndIsNotAskedAboutAtOnce) {
  dry_runs_.follow(kKey, "llm", pods("a"));
  advance(seconds(1));
  dry_runs_.learn(kKey, "prefill", {Answer::kRefused, "denied."});
  EXPECT_EQ(answer("a"), Answer::kRefused);
  EXPECT_EQ(changed_.size(), 2U);
  dry_runs_.follow(kKey, "llm", pods("a"));
  advance(milliseconds(900));
  EXPECT_EQ(tried_.size(), 1U);
  advance(seconds(2));
  EXPECT_EQ(tried_.size(), 2U);
  EXPECT_EQ(answer("a"), Answer::kAccepted);
}

TEST_F(Trying, APodThatWasMadeIsAnAnswerToo) {
  says_ = Error{Code::kForbidden, "pods \"a\" is forbidden: exceeded quota: q", "Forbidden"};
  dry_runs_.follow(kKey, "llm", pods("a"));
  advance(milliseconds(100));
  EXPECT_EQ(answer("a"), Answer::kUnclear);
  dry_runs_.learn(kKey, "prefill", {Answer::kAccepted, ""});
  dry_runs_.learn(kKey, "decode", {Answer::kRefused, "of no template here"});
  advance(minutes(10));
  EXPECT_EQ(answer("a"), Answer::kAccepted);
  EXPECT_THAT(tried_, ElementsAre("a"));
}

TEST_F(Trying, WhatIsThereNeedNotBeTried) {
  std::vector<plan::DryRunTarget> there = pods("a");
  there[0].proven = true;
  dry_runs_.follow(kKey, "llm", there);
  advance(minutes(10));
  EXPECT_THAT(tried_, IsEmpty());
  dry_runs_.learn(kKey, "prefill", {Answer::kUnclear, "exceeded quota."});
  EXPECT_THAT(changed_, IsEmpty()) << "a quota says nothing of the template";
  dry_runs_.learn(kKey, "prefill", {Answer::kRefused, "denied."});
  dry_runs_.follow(kKey, "llm", there);
  advance(minutes(1));
  EXPECT_EQ(answer("a"), Answer::kAccepted);
  EXPECT_THAT(tried_, ElementsAre("a"));
}

TEST_F(Trying, IsOverWhenAPodIsThere) {
  says_ = Error{Code::kForbidden, "pods \"a\" is forbidden: exceeded quota: q", "Forbidden"};
  std::vector<plan::DryRunTarget> there = pods("a");
  dry_runs_.follow(kKey, "llm", there);
  advance(milliseconds(100));
  there[0].proven = true;
  dry_runs_.follow(kKey, "llm", there);
  advance(std::chrono::hours(1));
  EXPECT_THAT(tried_, ElementsAre("a"));
}

TEST_F(Trying, TriesFewAtATime) {
  for (int i = 0; i < 30; ++i) dry_runs_.follow("llm/" + std::to_string(i), "llm", pods(std::to_string(i)));
  advance(seconds(1));
  EXPECT_EQ(tried_.size(), 30U);
  EXPECT_EQ(most_, DryRuns::kAtATime);
}

TEST_F(Trying, ForgetsAndStops) {
  says_ = Error{Code::kUnavailable, "no answer"};
  dry_runs_.follow(kKey, "llm", pods("a"));
  dry_runs_.follow("llm/other", "llm", pods("b"));
  advance(milliseconds(100));
  dry_runs_.forget(kKey);
  EXPECT_THAT(dry_runs_.answers(kKey), IsEmpty());
  dry_runs_.stop();
  bool ended = false;
  runtime::spawn(context_, [](DryRuns& runs, bool& over) -> boost::asio::awaitable<void> {
    co_await runs.ended();
    over = true;
  }(dry_runs_, ended));
  advance(minutes(20));
  EXPECT_TRUE(ended);
  EXPECT_THAT(tried_, ElementsAre("a", "b"));
}

}  // namespace
}  // namespace pd::op
