#include "kube/projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace pd::kube {
namespace {

using ::testing::HasSubstr;

Json read(const char* text, const Projection& projection, std::string_view wrapper = {}) {
  Result<Json> parsed = parse_projected(text, projection, wrapper);
  return parsed ? *parsed : Json(parsed.error().message);
}

TEST(Projection, KeepsWhatIsNamedAndNothingElse) {
  const Projection fields({"metadata.name", "spec"});
  EXPECT_EQ(read(R"({"kind":"Pod","metadata":{"name":"a","uid":"u","managedFields":[{"name":"x"}]},
                     "spec":{"a":{"b":[1]}},"status":{"metadata":{"name":"no"},"spec":2}})",
                 fields),
            Json::parse(R"({"metadata":{"name":"a"},"spec":{"a":{"b":[1]}}})"));
}

TEST(Projection, ANameCountsAtItsPlaceOnly) {
  const Projection fields({"a.b.c"});
  EXPECT_EQ(read(R"({"b":{"c":1},"c":2,"a":{"c":3,"a":{"b":{"c":4}},"b":{"c":5,"b":6}}})", fields),
            Json::parse(R"({"a":{"b":{"c":5}}})"));
}

TEST(Projection, PassesThroughArrays) {
  const Projection fields({"spec.containers.resources.limits"});
  EXPECT_EQ(read(R"({"spec":{"containers":[{"name":"a","resources":{"limits":{"x/y":"1"},"requests":{}}},
                     {"image":"i"},7,[{"resources":{"limits":{}}}]]}})",
                 fields),
            Json::parse(R"({"spec":{"containers":[{"resources":{"limits":{"x/y":"1"}}},{},7,
                             [{"resources":{"limits":{}}}]]}})"));
}

TEST(Projection, ReadsTheItemsOfAListAndKeepsWhatIsBesideThem) {
  const Projection fields({"metadata.name"});
  EXPECT_EQ(read(R"({"metadata":{"resourceVersion":"7","continue":"t"},"items":[{"metadata":{"name":"a","uid":"u"},
                     "items":[1]},{"spec":{}},{"metadata":{"name":"b"}}],"kind":"PodList"})",
                 fields, "items"),
            Json::parse(R"({"metadata":{"resourceVersion":"7","continue":"t"},
                            "items":[{"metadata":{"name":"a"}},{},{"metadata":{"name":"b"}}],"kind":"PodList"})"));
}

TEST(Projection, ReadsTheObjectOfAnEvent) {
  const Projection fields({"metadata.name"});
  EXPECT_EQ(read(R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","labels":{}}}})", fields, "object"),
            Json::parse(R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"));
}

TEST(Projection, WithoutPathsKeepsAll) {
  const Json object = Json::parse(R"({"a":{"b":[{"c":1}]},"d":null})");
  EXPECT_EQ(read(object.dump().c_str(), Projection({})), object);
}

TEST(Projection, TheShorterOfTwoPathsKeepsTheWhole) {
  const Json object = Json::parse(R"({"a":{"b":1,"c":2}})");
  EXPECT_EQ(read(object.dump().c_str(), Projection({"a", "a.b"})), object);
  EXPECT_EQ(read(object.dump().c_str(), Projection({"a.b", "a"})), object);
}

TEST(Projection, RefusesWhatIsTooDeepEvenWhereItIsNotKept) {
  const Projection fields({"metadata.name"});
  const std::string arrays = std::string(200000, '[') + std::string(200000, ']');
  const Result<Json> deep = parse_projected("{\"spec\":" + arrays + "}", fields);
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message, HasSubstr("nested deeper"));
  EXPECT_FALSE(parse_projected(std::string(200000, '['), fields));
}

TEST(Projection, ADeepObjectInAListHidesNoOther) {
  const Projection fields({"metadata", "spec"});
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  const std::string list =
      R"({"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"},"spec":)" +
      deep + R"(},{"metadata":{"name":"c"},"spec":{"x":1}}]})";
  const Result<Json> read = parse_projected(list, fields, "items");
  ASSERT_TRUE(read);
  EXPECT_FALSE((*read)["items"][0].contains(kTooDeepMember));
  EXPECT_TRUE((*read)["items"][1].contains(kTooDeepMember));
  EXPECT_FALSE((*read)["items"][2].contains(kTooDeepMember));
  EXPECT_EQ((*read)["items"][2]["spec"]["x"], 1);
  const Result<Json> event =
      parse_projected(R"({"type":"ADDED","object":{"metadata":{"name":"a"},"spec":)" + deep + "}}", fields, "object");
  ASSERT_TRUE(event);
  EXPECT_TRUE((*event)["object"].contains(kTooDeepMember));
}

TEST(Projection, RefusesGarbage) {
  const Projection fields({"metadata.name"});
  for (const char* text : {"", "{", "{\"metadata\":{\"name\":\"a\"}", "{\"a\":}", "{} {}", "{\"a\":\"\xff\"}"})
    EXPECT_FALSE(parse_projected(text, fields)) << text;
}

TEST(Projection, SurvivesAnyDamage) {
  const Projection fields({"metadata.name", "spec.containers.resources.limits", "status.conditions.type"});
  const std::string good = R"({"type":"ADDED","object":{"metadata":{"name":"a","labels":{"x":"y"}},"spec":{"containers":
      [{"resources":{"limits":{"huawei.com/Ascend910":"8"}}}]},"status":{"conditions":[{"type":"Ready"}]}}})";
  std::mt19937 random(20261124);
  for (int round = 0; round < 5000; ++round) {
    std::string text = good;
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t i = 0; i < changes; ++i) text[random() % text.size()] = "{}[]\",:0e\\\xff a"[random() % 13];
    (void)parse_projected(text, fields, round % 2 == 0 ? "object" : "");
  }
}

}  // namespace
}  // namespace pd::kube
