#include "base/clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd {
namespace {

using ::testing::HasSubstr;

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

TEST(Rfc3339, FormatsAsKubernetesDoes) {
  EXPECT_EQ(format_rfc3339(at(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(at(1795502096)), "2026-11-24T06:34:56Z");
}

TEST(Rfc3339, ReadsWhatItFormats) {
  for (const std::int64_t seconds : {0L, 1L, 951782400L, 951868799L, 1795502096L, 253402300799L}) {
    const Result<WallTime> read = parse_rfc3339(format_rfc3339(at(seconds)));
    ASSERT_TRUE(read) << seconds;
    EXPECT_EQ(*read, at(seconds));
  }
}

TEST(Rfc3339, DropsAFractionAndAppliesAnOffset) {
  for (const char* text : {"2026-11-24T06:34:56.123456Z", "2026-11-24T08:34:56+02:00", "2026-11-24T01:04:56.9-05:30"}) {
    const Result<WallTime> read = parse_rfc3339(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, at(1795502096)) << text;
  }
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "now", "2026-11-24", "2026-11-24T06:34:56", "2026-11-24 06:34:56Z", "2026-11-24T06:34:56Zjunk",
        "2026-11-24T06:34:56+02:00junk", "2026-11-24T06:34:56.Z", "2026-11-24T06:34:56+0200", "2026-11-24T06:34:56+2:0",
        " 2026-11-24T06:34:56Z", "2026- 1-24T06:34:56Z", "2026-13-24T06:34:56Z", "2026-02-30T06:34:56Z",
        "2026-11-24T24:34:56Z", "2026-11-24T06:60:56Z", "2026-11-24T06:34:56+25:00", "+026-11-24T06:34:56Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
  EXPECT_FALSE(parse_rfc3339(std::string_view("2026-11-24T06:34:56Z\0junk", 25)));
}

TEST(Rfc3339, RepeatsInTheErrorNoMoreThanTheBeginning) {
  const Result<WallTime> read = parse_rfc3339(std::string(100000, '9'));
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("99999"));
  EXPECT_LT(read.error().message.size(), 200U);
}

}  // namespace
}  // namespace pd
