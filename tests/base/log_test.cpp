#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace pd {
namespace {

using ::testing::HasSubstr;

std::string logged(const log::Options& options, const std::function<void()>& write) {
  log::init(options);
  testing::internal::CaptureStderr();
  write();
  std::string text = testing::internal::GetCapturedStderr();
  log::init({"", false, log::Level::kInfo});
  return text;
}

TEST(Log, ALineIsOneJsonObjectWhateverIsSaid) {
  const std::string text = logged({"pd-test", true, log::Level::kInfo}, [] {
    log::warn("a \"quote\",\na line, a {} brace and \xff", {{"node", "n\\1\t\x01"}});
  });
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const Result<Json> line = parse_json(text);
  ASSERT_TRUE(line) << text;
  EXPECT_EQ((*line)["level"], "warn");
  EXPECT_EQ((*line)["logger"], "pd-test");
  EXPECT_EQ((*line)["msg"], "a \"quote\",\na line, a {} brace and \xef\xbf\xbd");
  EXPECT_EQ((*line)["node"], "n\\1\t\x01");
  EXPECT_THAT((*line)["ts"].get<std::string>(), ::testing::MatchesRegex("[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z"));
}

TEST(Log, APlainLineStaysOneLine) {
  const std::string text = logged({"pd-test", false, log::Level::kInfo}, [] {
    log::error("refused:\n2026-11-24T06:34:56.000Z info all is well", {{"why", "a\nb"}});
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_THAT(text, HasSubstr(" error refused:"));
  EXPECT_THAT(text, HasSubstr("why=\"a\\nb\""));
}

TEST(Log, LeavesOutWhatIsBelowTheLevel) {
  const std::string text = logged({"pd-test", false, log::Level::kWarning}, [] {
    log::debug("one");
    log::info("two");
    log::warn("three");
  });
  EXPECT_THAT(text, HasSubstr("three"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("two")));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("one")));
}

}  // namespace
}  // namespace pd
