#include "runtime/shutdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "runtime/flow.h"
#include "runtime/timing.h"
#include "tests/support/pass_time.h"
#include "tests/support/run_to_end.h"

namespace pd::runtime {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ShutdownTest : public ::testing::Test {
 protected:
  void add(const std::string& name, Duration takes) {
    shutdown_.then(name, [this, name, takes]() -> asio::awaitable<void> { return step(name, takes); });
  }
  asio::awaitable<void> step(std::string name, Duration takes) {
    told_.push_back(name + " begins");
    co_await sleep_for(takes, {});
    told_.push_back(name + " ends");
  }
  void pass(Duration duration) { test::pass(context_, time_, duration); }

  asio::io_context context_;
  VirtualTime& time_ = VirtualTime::install(context_);
  std::vector<std::string> told_;
  std::vector<int> exits_;
  Shutdown shutdown_{context_, {.exit = [this](int status) { exits_.push_back(status); }}};
};

TEST_F(ShutdownTest, TakesOneStepAfterTheOther) {
  add("workers", seconds(20));
  add("watches", seconds(1));
  add("lease", seconds(1));
  shutdown_.begin("test");
  pass(seconds(1));
  EXPECT_THAT(told_, ElementsAre("workers begins"));
  pass(seconds(25));
  EXPECT_THAT(told_, ElementsAre("workers begins", "workers ends", "watches begins", "watches ends", "lease begins",
                                 "lease ends"));
  pass(seconds(60));
  EXPECT_THAT(exits_, IsEmpty());
  EXPECT_FALSE(time_.next());  // nothing keeps the context running
}

TEST_F(ShutdownTest, GivesUpAtTheLimitOfAllSteps) {
  add("workers", seconds(20));
  add("watches", seconds(20));
  add("lease", seconds(1));
  shutdown_.begin("test");
  pass(seconds(29));
  EXPECT_THAT(exits_, IsEmpty());
  pass(seconds(1));
  EXPECT_THAT(exits_, ElementsAre(1));
  EXPECT_THAT(told_, ElementsAre("workers begins", "workers ends", "watches begins"));
}

TEST_F(ShutdownTest, TheSecondTimeIsAnOrder) {
  add("workers", seconds(20));
  shutdown_.begin("test");
  pass(seconds(1));
  shutdown_.begin("test");
  EXPECT_THAT(exits_, ElementsAre(1));
}

TEST_F(ShutdownTest, AFailureBeginsItAndIsTheOutcome) {
  add("workers", seconds(1));
  EXPECT_TRUE(shutdown_.outcome());
  shutdown_.fail({Code::kTimeout, "the caches are empty"});
  shutdown_.fail({Code::kInternal, "something that follows from it"});
  pass(seconds(1));
  EXPECT_THAT(told_, ElementsAre("workers begins", "workers ends"));
  EXPECT_THAT(exits_, IsEmpty());
  ASSERT_FALSE(shutdown_.outcome());
  EXPECT_EQ(shutdown_.outcome().error().message, "the caches are empty");
}

TEST(Shutdown, ASignalBeginsItAndTheContextRunsOut) {
  asio::io_context context;
  std::vector<int> exits;
  bool done = false;
  Shutdown shutdown(context, {.exit = [&exits](int status) { exits.push_back(status); }});
  shutdown.then("all", [&done]() -> asio::awaitable<void> {
    done = true;
    co_return;
  });
  shutdown.on_signals();
  test::settle(context);
  raise(SIGTERM);
  test::run_out(context);
  EXPECT_TRUE(shutdown.begun());
  EXPECT_TRUE(done);
  EXPECT_THAT(exits, IsEmpty());
}

TEST(Shutdown, ASecondSignalEndsItWithoutTheRest) {
  asio::io_context context;
  std::vector<int> exits;
  StopSource stuck;
  Shutdown shutdown(context, {.exit = [&](int status) {
                      exits.push_back(status);
                      stuck.stop();
                    }});
  shutdown.then("stuck", [&stuck]() -> asio::awaitable<void> { co_await sleep_for(seconds(600), stuck.token()); });
  shutdown.on_signals();
  test::settle(context);
  raise(SIGTERM);
  test::run_until(context, [&] { return shutdown.begun(); });
  raise(SIGINT);
  test::run_until(context, [&] { return !exits.empty(); });
  EXPECT_THAT(exits, ElementsAre(1));
  test::run_out(context);
}

TEST(Flow, IsWaitedFor) {
  asio::io_context context;
  StopSource stop;
  Flow flow(context);
  const auto work = [&stop]() -> asio::awaitable<void> { co_await sleep_for(seconds(600), stop.token()); };
  bool joined = false;
  const auto join = [&]() -> asio::awaitable<void> {
    co_await flow.ended();
    joined = true;
  };
  spawn(context, join());
  test::settle(context);
  EXPECT_TRUE(joined);  // it never began
  joined = false;
  flow.start(work());
  spawn(context, join());
  test::settle(context);
  EXPECT_TRUE(flow.running());
  EXPECT_FALSE(joined);
  stop.stop();
  test::run_out(context);
  EXPECT_FALSE(flow.running());
  EXPECT_TRUE(joined);
}

TEST(Flow, TellsOfItsFailure) {
  asio::io_context context;
  std::vector<std::string> told;
  Flow flow(context);
  Status outcome = Ok{};
  const auto work = [&outcome]() -> asio::awaitable<Status> { co_return outcome; };
  const auto failed = [&told](const Error& why) { told.push_back(why.message); };
  flow.start(work(), failed);
  test::settle(context);
  EXPECT_THAT(told, IsEmpty());
  outcome = invalid("a fault");
  flow.start(work(), failed);
  test::settle(context);
  EXPECT_THAT(told, ElementsAre("a fault"));
  EXPECT_FALSE(flow.running());
}

}  // namespace
}  // namespace pd::runtime
