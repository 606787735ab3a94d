#include "kube/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace pd::kube {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class TokenTest : public ::testing::Test {
 protected:
  Token file_token() {
    Config config;
    config.token = "inline";
    config.token_file = folder_.path() + "/token";
    return Token(config);
  }
  void write(const std::string& text) { folder_.write("token", text); }
  void remove() { std::filesystem::remove(folder_.path() + "/token"); }

  test::TemporaryFolder folder_;
  Instant now_{};
};

TEST_F(TokenTest, IsTheTextWithoutAFile) {
  Config config;
  EXPECT_EQ(*Token(config).current(now_), "");
  config.token = "inline";
  Token token(config);
  EXPECT_EQ(*token.current(now_), "inline");
  EXPECT_FALSE(token.replaced("inline", now_, now_));
}

TEST_F(TokenTest, IsReadAgainBeforeItIsAMinuteOld) {
  write("first\n");
  Token token = file_token();
  EXPECT_EQ(*token.current(now_), "first");
  write("second");
  EXPECT_EQ(*token.current(now_ + seconds(49)), "first");
  EXPECT_EQ(*token.current(now_ + seconds(50)), "second");
}

TEST_F(TokenTest, StaysWhileItsFileCannotBeRead) {
  write("first");
  Token token = file_token();
  EXPECT_EQ(*token.current(now_), "first");
  remove();
  EXPECT_EQ(*token.current(now_ + seconds(60)), "first");
  for (const char* odd : {"", "\n", "two words", "line\r\nX-Injected: 1"}) {
    write(odd);
    EXPECT_EQ(*token.current(now_ + seconds(200)), "first") << odd;
    now_ += seconds(200);
  }
}

TEST_F(TokenTest, SaysWhenThereNeverWasOne) {
  Config config;
  config.token_file = folder_.path() + "/token";
  Token token(config);
  const Result<std::string> missing = token.current(now_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kUnavailable);
  EXPECT_THAT(missing.error().message, HasSubstr(config.token_file));
  write("two words");
  const Result<std::string> odd = token.current(now_);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, Code::kUnavailable);
  EXPECT_THAT(odd.error().message, HasSubstr("holds no token"));
  write("late");
  EXPECT_EQ(*token.current(now_), "late");
}

TEST_F(TokenTest, ARefusalForgetsAnOlderOne) {
  write("first");
  Token token = file_token();
  EXPECT_EQ(*token.current(now_), "first");
  EXPECT_FALSE(token.replaced("first", now_ + seconds(1), now_ + seconds(2)));
  write("second");
  // It was read after that request had been sent.
  EXPECT_FALSE(token.replaced("first", now_ + seconds(1), now_ + seconds(3)));
  EXPECT_TRUE(token.replaced("first", now_ + seconds(4), now_ + seconds(5)));
  EXPECT_EQ(*token.current(now_ + seconds(5)), "second");
  // Another request has seen the refusal first: this one's token is an old one.
  EXPECT_TRUE(token.replaced("first", now_ + seconds(4), now_ + seconds(6)));
}

}  // namespace
}  // namespace pd::kube
