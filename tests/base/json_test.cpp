#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd {
namespace {

using ::testing::HasSubstr;

TEST(ParseJson, ReadsADocument) {
  const Result<Json> parsed = parse_json(R"({"a":[1,{"b":"c"}],"d":null})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)["a"][1]["b"], "c");
  EXPECT_TRUE((*parsed)["d"].is_null());
}

TEST(ParseJson, NamesThePlaceOfADuplicateKey) {
  const Result<Json> parsed = parse_json(R"({"a":[{"x":1,"x":2}]})");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("\"x\" occurs twice (at /a/0/x)"));
}

TEST(ParseJson, ShowsNoKeyAsItIs) {
  for (const char* text : {R"({"\u001b[2J/\u0000\u009b":[1 2]})", R"({"\u001b[2J":1,"\u001b[2J":2})"}) {
    const Result<Json> parsed = parse_json(text);
    ASSERT_FALSE(parsed);
    for (const char c : parsed.error().message) EXPECT_TRUE(c >= ' ' && c <= '~') << parsed.error().message;
  }
}

TEST(ParseJson, RefusesWhatIsOverALimit) {
  EXPECT_FALSE(parse_json(std::string(100000, '[')));
  EXPECT_FALSE(parse_json("[\"" + std::string(100, 'x') + "\"]", {.bytes = 1000, .depth = 4, .string_bytes = 10}));
  EXPECT_FALSE(parse_json(std::string(2000, ' '), {.bytes = 1000, .depth = 4, .string_bytes = 10}));
}

TEST(ParseJson, RefusesGarbage) {
  for (const char* text : {"", "{", "nul", "{\"a\":}", "[1,]", "{} {}", "\"\xff\""})
    EXPECT_FALSE(parse_json(text)) << text;
}

TEST(Shown, IsShortAndPrintable) {
  EXPECT_EQ(shown(Json::object()), "an object");
  EXPECT_EQ(shown(Json::array({1, 2})), "a list");
  EXPECT_EQ(shown(7), "7");
  EXPECT_EQ(shown("a\n\xff"), "\"a\\n\\ufffd\"");
  EXPECT_EQ(shown(std::string(65, 'x')), "\"" + std::string(64, 'x') + "\"...");
}

TEST(PointerToken, IsEscapedAndPrintable) {
  EXPECT_EQ(pointer_token("server_list"), "server_list");
  EXPECT_EQ(pointer_token("a/b~c~"), "a~1b~0c~0");
  EXPECT_EQ(pointer_token("\x1b[2J\xff"), "\\u001b[2J\\ufffd");
  EXPECT_EQ(pointer_token(std::string(101, 'x')), std::string(100, 'x'));
  EXPECT_EQ(pointer_token(""), "");
}

TEST(DumpJson, SurvivesBytesThatAreNotUtf8) { EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

}  // namespace
}  // namespace pd
