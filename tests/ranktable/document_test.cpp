#include "ranktable/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::ranktable {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Document parsed(std::string_view text) {
  Result<Document> document = parse_document(text);
  if (!document) throw std::runtime_error(document.error().message);
  return *std::move(document);
}

std::string problem_of(std::string_view text, const JsonLimits& limits = kDocumentLimits) {
  const Result<Document> document = parse_document(text, limits);
  return document ? "" : document.error().message;
}

TEST(ParseDocument, KeepsEveryValueInItsPlace) {
  const Document document = parsed(R"({"a":["x",{"b":"y"},[]],"c":{},"d":7,"e":null,"f":true,"g":-1.5})");
  const Value root = document.root();
  EXPECT_EQ(root.size(), 6U);
  EXPECT_EQ(root.find("a").size(), 3U);
  EXPECT_EQ((*root.find("a").begin()).text(), "x");
  EXPECT_EQ(root.find("c").size(), 0U);
  EXPECT_EQ(root.find("d").text(), "7");
  EXPECT_EQ(root.find("d").kind(), Kind::kNumber);
  EXPECT_EQ(root.find("e").kind(), Kind::kNull);
  EXPECT_EQ(root.find("f").text(), "true");
  EXPECT_EQ(root.find("g").text(), "-1.5");
  std::vector<std::string> keys;
  for (const Value member : root) keys.emplace_back(member.key());
  EXPECT_THAT(keys, ElementsAre("a", "c", "d", "e", "f", "g"));
}

TEST(Value, OfWhatIsAbsentIsEmpty) {
  const Document document = parsed(R"({"a":"x"})");
  const Value absent = document.root().find("b").find("c");
  EXPECT_FALSE(absent);
  EXPECT_EQ(absent.kind(), Kind::kAbsent);
  EXPECT_EQ(absent.text(), "");
  EXPECT_EQ(absent.size(), 0U);
  EXPECT_EQ(absent.pointer(), "");
  for (const Value value : absent) ADD_FAILURE() << value.pointer();
  for (const Value value : document.root().find("a")) ADD_FAILURE() << value.pointer();
}

TEST(Value, KnowsItsPointer) {
  const Document document = parsed(R"({"a":[[],["x",{"b/~":{"c":"y"}}]]})");
  const Value inner = *++(*++document.root().find("a").begin()).begin();
  EXPECT_EQ(inner.find("b/~").find("c").pointer(), "/a/1/1/b~1~0/c");
  EXPECT_EQ(document.root().pointer(), "");
}

TEST(Value, IsTheSameWhateverTheOrderOfItsMembers) {
  const Document document = parsed(R"([{"a":"1","b":["2",{}]},{"b":["2",{}],"a":"1"},{"a":"1","b":["2",[]]},
                                       {"a":"1"},{"a":1,"b":["2",{}]}])");
  std::vector<Value> values;
  for (const Value value : document.root()) values.push_back(value);
  EXPECT_TRUE(values[0] == values[1]);
  EXPECT_FALSE(values[0] == values[2]);
  EXPECT_FALSE(values[0] == values[3]);
  EXPECT_FALSE(values[0] == values[4]);
}

TEST(ParseDocument, NamesThePlaceOfADuplicateKey) {
  EXPECT_THAT(problem_of(R"({"a":[{"x":1,"x":2}]})"), HasSubstr("\"x\" occurs twice (at /a/0/x)"));
  EXPECT_THAT(problem_of(R"({"a":{"a":1},"a":2})"), HasSubstr("\"a\" occurs twice (at /a)"));
  EXPECT_EQ(problem_of(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]})"), "");
}

TEST(ParseDocument, RefusesWhatIsOverALimit) {
  EXPECT_THAT(problem_of(std::string(100000, '[')), HasSubstr("nested deeper than 12 levels"));
  EXPECT_THAT(problem_of("[\"" + std::string(5000, 'x') + "\"]"),
              HasSubstr("a string is longer than 4096 bytes (at /0)"));
  EXPECT_THAT(problem_of(std::string(2000, ' '), {.bytes = 1000}), HasSubstr("at most 1000"));
  std::string members = "{\"k\":1";
  for (int i = 0; i < 64; ++i) members += ",\"k" + std::to_string(i) + "\":1";
  EXPECT_THAT(problem_of(members + "}"), HasSubstr("more than 64 members"));
}

TEST(ParseDocument, RefusesGarbage) {
  for (const char* text : {"", "{", "nul", "{\"a\":}", "[1,]", "{} {}", "\"\xff\"", "\xef\xbb\xbf"}) {
    EXPECT_THAT(problem_of(text), HasSubstr("not JSON at byte")) << text;
  }
}

TEST(ShownValue, IsShortAndPrintable) {
  const Document document = parsed(R"({"a":{},"b":[],"c":"x\n","d":7})");
  EXPECT_EQ(shown(document.root().find("a")), "an object");
  EXPECT_EQ(shown(document.root().find("b")), "a list");
  EXPECT_EQ(shown(document.root().find("c")), "\"x\\n\"");
  EXPECT_EQ(shown(document.root().find("d")), "7");
  EXPECT_EQ(shown(document.root().find("e")), "nothing");
}

}  // namespace
}  // namespace pd::ranktable
