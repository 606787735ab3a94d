#include "operator/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/spawn.h"
#include "tests/operator/virtual_run.h"

namespace pd::op {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kKey = "llm/qwen";

class Following : public ::testing::Test, protected VirtualRun {
 protected:
  static plan::DeliveryTarget pod(const std::string& uid, std::int64_t generation) {
    return {uid, "10.0.0.1", 8089, generation};
  }
  boost::asio::awaitable<Result<std::int64_t>> answer(plan::DeliveryTarget target) {
    ++asked_[target.uid];
    most_ = std::max(most_, ++under_way_);
    co_await runtime::sleep_for(takes_, {});
    --under_way_;
    const auto seen = sees_.find(target.uid);
    if (seen == sees_.end()) co_return Error{Code::kUnavailable, "Connection refused"};
    co_return seen->second;
  }

  // How many handlers run meanwhile.
  std::size_t handlers_during(Duration duration) {
    std::size_t handlers = 0;
    const Instant end = time_.now() + duration;
    while (time_.next() && *time_.next() <= end) {
      time_.advance_to(*time_.next());
      context_.restart();
      handlers += context_.poll();
    }
    return handlers;
  }

  runtime::Rng rng_{1};
  Duration takes_ = milliseconds(10);
  std::map<std::string, std::int64_t> sees_;
  std::map<std::string, int> asked_;
  std::vector<std::string> changed_;
  int under_way_ = 0;
  int most_ = 0;
  Delivery delivery_{context_, rng_, [this](plan::DeliveryTarget target) { return answer(std::move(target)); },
                     [this](const std::string& key) { changed_.push_back(key); }};
};

TEST_F(Following, TellsOnceWhenAllHaveConfirmed) {
  delivery_.follow(kKey, {pod("a", 7), pod("b", 7)});
  sees_ = {{"a", 7}, {"b", 6}};
  advance(seconds(2));
  EXPECT_THAT(changed_, IsEmpty());
  EXPECT_EQ(delivery_.seen(kKey).at("b").generation, 6);
  sees_["b"] = 7;
  advance(seconds(5));
  EXPECT_THAT(changed_, ElementsAre(kKey));
  EXPECT_EQ(delivery_.seen(kKey).at("b").generation, 7);
  const int asked = asked_["b"];
  advance(std::chrono::minutes(5));
  EXPECT_EQ(asked_["b"], asked) << "nobody is asked who has confirmed";
}

TEST_F(Following, AsksSoonAndThenLessOften) {
  delivery_.follow(kKey, {pod("a", 7)});
  sees_ = {{"a", 6}};
  advance(seconds(1));
  EXPECT_GE(asked_["a"], 3);
  advance(std::chrono::minutes(10) - seconds(1));
  EXPECT_LE(asked_["a"], 60);
  EXPECT_GE(asked_["a"], 20);
}

TEST_F(Following, TellsWhenAPodCannotBeReachedAndWhenItCanAgain) {
  delivery_.follow(kKey, {pod("a", 7)});
  advance(Delivery::kUnreachableAfter - seconds(1));
  EXPECT_THAT(changed_, IsEmpty());
  EXPECT_EQ(delivery_.seen(kKey).at("a").problem, "");
  advance(seconds(10));
  EXPECT_THAT(changed_, ElementsAre(kKey));
  EXPECT_EQ(delivery_.seen(kKey).at("a").problem, "Connection refused");
  sees_["a"] = 7;
  advance(std::chrono::minutes(1));
  EXPECT_THAT(changed_, ElementsAre(kKey, kKey));
  EXPECT_EQ(delivery_.seen(kKey).at("a"), (plan::DeliveryState{7, ""}));
}

TEST_F(Following, ASingleFailureIsNoReasonToGiveUp) {
  sees_ = {{"a", 6}};
  delivery_.follow(kKey, {pod("a", 7)});
  advance(std::chrono::minutes(5));
  for (int i = 0; i < 20; ++i) {
    const int asked = asked_["a"];
    sees_.clear();
    while (asked_["a"] == asked || under_way_ > 0) advance(milliseconds(100));
    EXPECT_EQ(delivery_.seen(kKey).at("a").problem, "");
    sees_ = {{"a", 6}};
    while (asked_["a"] == asked + 1 || under_way_ > 0) advance(milliseconds(100));
  }
  EXPECT_THAT(changed_, IsEmpty());
}

TEST_F(Following, ANewGenerationIsAskedForAnew) {
  sees_ = {{"a", 7}};
  delivery_.follow(kKey, {pod("a", 7)});
  advance(seconds(1));
  delivery_.follow(kKey, {pod("a", 8)});
  EXPECT_EQ(delivery_.seen(kKey).at("a").generation, 7) << "what it saw before is not forgotten";
  sees_["a"] = 8;
  advance(seconds(1));
  EXPECT_THAT(changed_, ElementsAre(kKey, kKey));
}

TEST_F(Following, WhoIsNoLongerExpectedToSeeItIsLetGo) {
  delivery_.follow(kKey, {pod("a", 7), pod("b", 7)});
  advance(seconds(1));
  delivery_.follow(kKey, {pod("b", 7)});
  asked_.clear();
  sees_ = {{"a", 7}, {"b", 7}};
  advance(seconds(30));
  EXPECT_EQ(asked_["a"], 0);
  EXPECT_THAT(changed_, ElementsAre(kKey));
  delivery_.forget(kKey);
  EXPECT_THAT(delivery_.seen(kKey), IsEmpty());
}

TEST_F(Following, AsksOnlySomeAtATime) {
  std::vector<plan::DeliveryTarget> pods;
  for (int i = 0; i < 500; ++i) pods.push_back(pod("pod-" + std::to_string(i), 7));
  for (const plan::DeliveryTarget& one : pods) sees_[one.uid] = 7;
  delivery_.follow(kKey, pods);
  advance(seconds(5));
  EXPECT_LE(most_, Delivery::kOfOneAtATime);
  EXPECT_EQ(asked_.size(), pods.size());
  EXPECT_THAT(changed_, ElementsAre(kKey));
}

TEST_F(Following, PodsOfSeveralDeploymentsAreAskedSideBySide) {
  for (int key = 0; key < 10; ++key) {
    std::vector<plan::DeliveryTarget> pods;
    for (int i = 0; i < 50; ++i) pods.push_back(pod(std::to_string(key) + "-" + std::to_string(i), 7));
    for (const plan::DeliveryTarget& one : pods) sees_[one.uid] = 7;
    delivery_.follow("llm/" + std::to_string(key), pods);
  }
  advance(seconds(5));
  EXPECT_EQ(most_, Delivery::kAtATime);
  EXPECT_EQ(changed_.size(), 10U);
}

// Each answer wakes one that waits for a turn: were it all of them, these would be millions of handlers.
TEST_F(Following, ManyThatCannotBeAskedKeepNobodyBusy) {
  takes_ = seconds(1);
  for (int key = 0; key < 40; ++key) {
    std::vector<plan::DeliveryTarget> pods;
    for (int i = 0; i < 25; ++i) pods.push_back(pod(std::to_string(key) + "-" + std::to_string(i), 7));
    delivery_.follow("llm/" + std::to_string(key), pods);
  }
  run();
  EXPECT_LT(handlers_during(std::chrono::minutes(1)), 100000U);
  EXPECT_EQ(asked_.size(), 1000U);
  int asked = 0;
  for (const auto& [uid, times] : asked_) {
    asked += times;
    EXPECT_GE(times, 2) << uid;
  }
  EXPECT_GE(asked, 55 * Delivery::kAtATime) << "and no turn is lost";
}

TEST_F(Following, ATurnThatComesTooLateIsPassedOn) {
  std::vector<plan::DeliveryTarget> pods;
  for (int i = 0; i < 500; ++i) pods.push_back(pod("pod-" + std::to_string(i), 7));
  takes_ = seconds(1);
  delivery_.follow(kKey, pods);
  advance(milliseconds(101));  // all want to ask
  for (plan::DeliveryTarget& one : pods) {
    one.generation = 8;
    sees_[one.uid] = 8;
  }
  pods.resize(Delivery::kOfOneAtATime);
  delivery_.follow(kKey, pods);
  advance(seconds(3));
  EXPECT_LE(asked_.size(), 2U * Delivery::kOfOneAtATime) << "nobody who is no longer expected to see it";
  EXPECT_THAT(changed_, ElementsAre(kKey));
}

TEST_F(Following, WhoWaitsForATurnIsNotAskedAfterTheStop) {
  std::vector<plan::DeliveryTarget> pods;
  for (int i = 0; i < 500; ++i) pods.push_back(pod("pod-" + std::to_string(i), 7));
  delivery_.follow(kKey, pods);
  advance(milliseconds(101));  // all want to ask
  delivery_.stop();
  const std::size_t asked = asked_.size();
  ASSERT_LT(asked, pods.size());
  advance(seconds(10));
  EXPECT_EQ(asked_.size(), asked);
}

TEST_F(Following, EndsWhenItIsStopped) {
  delivery_.follow(kKey, {pod("a", 7)});
  advance(milliseconds(60));
  delivery_.stop();
  bool ended = false;
  const auto wait = [&]() -> boost::asio::awaitable<void> {
    co_await delivery_.ended();
    ended = true;
  };
  runtime::spawn(context_, wait());
  advance(seconds(1));
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace pd::op
