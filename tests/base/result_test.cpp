#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace pd {
namespace {

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> value = 5;
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 5);
  const Result<int> error = invalid("no number");
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, Code::kInvalid);
  EXPECT_EQ(error.error().message, "no number");
}

TEST(Result, GivesAwayWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, AbortsWhereTheCallerDidNotLook) {
  Result<int> error = invalid("x");
  EXPECT_DEATH(*error = 1, "");
  const Result<int> value = 5;
  EXPECT_DEATH((void)value.error(), "");
}

TEST(Error, ContextGoesInFrontAndKeepsTheRest) {
  const Error error{Code::kThrottled, "slow down", "TooManyRequests", std::chrono::seconds(3)};
  const Error wrapped = error.with_context("listing pods");
  EXPECT_EQ(wrapped.message, "listing pods: slow down");
  EXPECT_EQ(wrapped.code, Code::kThrottled);
  EXPECT_EQ(wrapped.reason, "TooManyRequests");
  EXPECT_EQ(wrapped.retry_after, std::chrono::seconds(3));
}

TEST(Code, EachHasAnOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code)
    names.insert(to_string(static_cast<Code>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::kInternal) + 1);
}

}  // namespace
}  // namespace pd
