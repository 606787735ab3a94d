#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <vector>

namespace pd {
namespace {

TEST(StopToken, CallsBackOnceInOrder) {
  StopSource source;
  std::vector<int> calls;
  const auto first = source.token().on_stop([&] { calls.push_back(1); });
  const auto second = source.token().on_stop([&] { calls.push_back(2); });
  EXPECT_FALSE(source.token().stopped());
  source.stop();
  source.stop();
  EXPECT_TRUE(source.token().stopped());
  EXPECT_EQ(calls, (std::vector{1, 2}));
}

TEST(StopToken, CallsBackAtOnceWhenStoppedAlready) {
  StopSource source;
  source.stop();
  bool called = false;
  const auto registration = source.token().on_stop([&] { called = true; });
  EXPECT_TRUE(called);
}

TEST(StopToken, ARegistrationThatIsGoneIsNotCalled) {
  StopSource source;
  bool called = false;
  {
    const auto registration = source.token().on_stop([&] { called = true; });
  }
  source.stop();
  EXPECT_FALSE(called);
}

TEST(StopToken, ACallbackMayRemoveAnother) {
  StopSource source;
  bool called = false;
  StopToken::Registration later;
  const auto first = source.token().on_stop([&] { later = {}; });
  later = source.token().on_stop([&] { called = true; });
  source.stop();
  EXPECT_FALSE(called);
}

TEST(StopToken, OneMadeByItselfNeverStops) {
  const StopToken token;
  const auto registration = token.on_stop([] { FAIL(); });
  EXPECT_FALSE(token.stopped());
}

TEST(StopToken, ATokenMayOutliveItsSource) {
  StopToken token;
  StopToken::Registration registration;
  {
    const StopSource source;
    token = source.token();
    registration = token.on_stop([] {});
  }
  EXPECT_FALSE(token.stopped());
}

}  // namespace
}  // namespace pd
