#include "runtime/for_each_concurrent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "runtime/signal.h"
#include "tests/support/run_to_end.h"

namespace pd::runtime {
namespace {

using ::testing::ElementsAre;

class ForEachConcurrentTest : public ::testing::Test {
 protected:
  void begin(std::size_t count, std::size_t at_a_time) {
    test::start(context_, for_each_concurrent(count, at_a_time, one_), ended_);
    test::settle(context_);
  }
  void finish(std::size_t index) {
    finished_.insert(index);
    signal_.notify_all();
    test::settle(context_);
  }
  asio::awaitable<bool> run_one(std::size_t index) {
    begun_.push_back(index);
    while (!finished_.contains(index)) co_await signal_.wait();
    if (index == throws_) throw std::runtime_error("a fault");
    co_return index != last_;
  }

  asio::io_context context_;
  std::vector<std::size_t> begun_;
  std::set<std::size_t> finished_;
  std::optional<std::size_t> last_;  // says that no more may be begun
  std::optional<std::size_t> throws_;
  Signal signal_;
  std::optional<bool> ended_;
  const std::function<asio::awaitable<bool>(std::size_t)> one_ = [this](std::size_t index) { return run_one(index); };
};

TEST_F(ForEachConcurrentTest, TheNextIsBegunWhenOneHasEnded) {
  begin(4, 2);
  EXPECT_THAT(begun_, ElementsAre(0, 1));
  finish(1);
  EXPECT_THAT(begun_, ElementsAre(0, 1, 2));
  finish(2);
  finish(3);
  EXPECT_FALSE(ended_) << "the first has not";
  finish(0);
  EXPECT_EQ(ended_, true);
  EXPECT_THAT(begun_, ElementsAre(0, 1, 2, 3));
}

TEST_F(ForEachConcurrentTest, OfNothingItEndsAtOnce) {
  begin(0, 2);
  EXPECT_EQ(ended_, true);
}

TEST_F(ForEachConcurrentTest, WhereOneSaysSoNoMoreAreBegun) {
  last_ = 0;
  begin(4, 2);
  finish(0);
  EXPECT_THAT(begun_, ElementsAre(0, 1));
  EXPECT_FALSE(ended_) << "what was begun is waited for";
  finish(1);
  EXPECT_EQ(ended_, false);
}

TEST_F(ForEachConcurrentTest, AnExceptionComesOutWhenAllThatWasBegunHasEnded) {
  throws_ = 0;
  std::exception_ptr thrown;
  asio::co_spawn(context_, test::keep_result(for_each_concurrent(4, 2, one_), ended_),
                 [&thrown](std::exception_ptr error) { thrown = error; });
  test::settle(context_);
  finish(0);
  EXPECT_FALSE(thrown);
  EXPECT_THAT(begun_, ElementsAre(0, 1)) << "no more are begun";
  finish(1);
  ASSERT_TRUE(thrown);
  EXPECT_THROW(std::rethrow_exception(thrown), std::runtime_error);
}

// The io_context goes while some are under way: what the coroutines hold is let go once.
TEST_F(ForEachConcurrentTest, MayBeLeftInTheMiddle) {
  begin(4, 2);
  EXPECT_THAT(begun_, ElementsAre(0, 1));
}

}  // namespace
}  // namespace pd::runtime
