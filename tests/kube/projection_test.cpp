#include "kube/projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
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

// "[{},{},...]": `count` values of 3 bytes.
std::string dense(std::size_t count) {
  std::string text = "[";
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "{}" : ",{}";
  return text + "]";
}

// Beside an integer of more than 64 bits a text is read by the other parser.
constexpr const char* kEitherParser[] = {"1", "100000000000000000000"};

TEST(Projection, ADenseObjectHidesNoOther) {
  const Projection fields({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion", "spec"});
  for (const char* number : kEitherParser) {
    // What names it is kept, also where it comes last.
    const std::string object = R"({"spec":{"x":)" + dense(500'000) +
                               R"(,"y":{"z":1}},"metadata":{"labels":{},"name":"b","namespace":"llm","uid":"u",
                                "resourceVersion":"7"}})";
    const Json wanted = {{"metadata", {{"name", "b"}, {"namespace", "llm"}, {"uid", "u"}, {"resourceVersion", "7"}}},
                         {kTooManyMember, true}};
    const Result<Json> list =
        parse_projected(R"({"x":)" + std::string(number) + R"(,"items":[{"metadata":{"name":"a"},"spec":1},)" + object +
                            "," + object + R"(,{"metadata":{"name":"c"},"spec":{"x":1}}],"y":2})",
                        fields, "items");
    ASSERT_TRUE(list) << list.error().message;
    const Json others = Json::parse(R"([{"metadata":{"name":"a"},"spec":1},{"metadata":{"name":"c"},"spec":{"x":1}}])");
    EXPECT_EQ((*list)["items"], Json::array({others[0], wanted, wanted, others[1]}));
    EXPECT_EQ((*list)["y"], 2);
    const Result<Json> event = parse_projected(
        R"({"x":)" + std::string(number) + R"(,"object":)" + object + R"(,"type":"ADDED"})", fields, "object");
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ((*event)["object"], wanted);
    EXPECT_EQ((*event)["type"], "ADDED");
  }
}

TEST(Projection, AnObjectMayHaveAsManyValuesAsSaid) {
  const Projection fields({"metadata.name", "spec"});
  const std::size_t beside = 5;  // the object, its metadata, its name, its spec and the array
  for (const char* number : kEitherParser) {
    for (const std::size_t more : {0U, 1U}) {
      const std::string object = R"({"metadata":{"name":"a"},"spec":{"x":)" + dense(kMostValues - beside + more) + "}}";
      const std::string text = R"({"x":)" + std::string(number) + R"(,"items":[)" + object + "," + object + "]}";
      const Result<Json> list = parse_projected(text, fields, "items");
      ASSERT_TRUE(list) << list.error().message;
      for (const Json& item : (*list)["items"]) EXPECT_EQ(item.contains(kTooManyMember), more == 1) << number;
    }
  }
}

TEST(Projection, CountsWhatItPassesThrough) {
  const Projection fields({"metadata.name", "spec.containers.resources.limits"});
  for (const char* number : kEitherParser) {
    const Result<Json> event =
        parse_projected(R"({"x":)" + std::string(number) +
                            R"(,"object":{"metadata":{"name":"a"},"spec":{"containers":)" + dense(100'000) + "}}}",
                        fields, "object");
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_TRUE((*event)["object"].contains(kTooManyMember)) << number;
  }
}

TEST(Projection, WhatIsNotKeptIsNotCounted) {
  const Projection fields({"metadata.name"});
  for (const char* number : kEitherParser) {
    const Result<Json> event = parse_projected(
        R"({"x":)" + std::string(number) + R"(,"object":{"spec":)" + dense(100'000) + R"(,"metadata":{"name":"a"}}})",
        fields, "object");
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ((*event)["object"], Json::parse(R"({"metadata":{"name":"a"}})")) << number;
  }
}

TEST(Projection, ADenseObjectOfItsOwnIsRefused) {
  const Result<Json> object = parse_projected(R"({"spec":)" + dense(100'000) + "}", Projection({}));
  ASSERT_FALSE(object);
  EXPECT_THAT(object.error().message, HasSubstr("more than 50000 values"));
}

TEST(Projection, ADenseAndDeepObjectIsStillOne) {
  const Projection fields({"metadata.name", "spec"});
  const Result<Json> event =
      parse_projected(R"({"object":{"metadata":{"name":"a"},"spec":[)" + dense(100'000) + "," +
                          std::string(200'000, '[') + std::string(200'000, ']') + R"(]},"type":"ADDED"})",
                      fields, "object");
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ((*event)["object"]["metadata"]["name"], "a");
  EXPECT_TRUE((*event)["object"].contains(kTooManyMember));
  EXPECT_TRUE((*event)["object"].contains(kTooDeepMember));
  EXPECT_EQ((*event)["type"], "ADDED");
}

TEST(Projection, RefusesGarbage) {
  const Projection fields({"metadata.name"});
  for (const char* text : {"", "{", "{\"metadata\":{\"name\":\"a\"}", "{\"a\":}", "{} {}", "{\"a\":\"\xff\"}"})
    EXPECT_FALSE(parse_projected(text, fields)) << text;
}

// What simdjson can't read, the API server may write: 1e20 in a field without a schema comes as its digits.
TEST(Projection, AnIntegerOfAnySizeHidesNoObject) {
  const Projection fields({"metadata.name", "spec"});
  const std::string list = R"({"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a","uid":"u"}},
      {"metadata":{"name":"b"},"spec":{"x":100000000000000000000}},{"metadata":{"name":"c"},"spec":{"x":-5}}]})";
  const Result<Json> page = parse_projected(list, fields, "items");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ((*page)["items"], Json::parse(R"([{"metadata":{"name":"a"}},{"metadata":{"name":"b"},"spec":{"x":1e20}},
                                              {"metadata":{"name":"c"},"spec":{"x":-5}}])"));
}

TEST(Projection, OfEqualKeysTheLastCounts) {
  const Projection fields({"a.b"});
  for (const char* number : {"1", "100000000000000000000"}) {
    const std::string text = R"({"x":)" + std::string(number) + R"(,"a":{"b":1,"c":2},"a":{"b":3,"b":4,"c":5}})";
    EXPECT_EQ(read(text.c_str(), fields), Json::parse(R"({"a":{"b":4}})")) << number;
  }
}

TEST(Projection, TypesItsNumbersAsTheCodecsExpect) {
  const Json read_back = read(R"({"a":5,"b":-5,"c":18446744073709551615,"d":1.5,"e":true,"f":null})", Projection({}));
  EXPECT_TRUE(read_back["a"].is_number_unsigned());
  EXPECT_TRUE(read_back["b"].is_number_integer());
  EXPECT_EQ(read_back["c"], UINT64_MAX);
  EXPECT_TRUE(read_back["d"].is_number_float());
  EXPECT_TRUE(read_back["e"].is_boolean());
  EXPECT_TRUE(read_back["f"].is_null());
}

// Beside an integer of more than 64 bits a text is read by the other parser: both say the same.
TEST(Projection, BothParsersAgreeOnAnyText) {
  const Projection fields({"metadata.name", "spec.containers.resources.limits", "status.conditions.type"});
  const std::string good = R"({"metadata":{"name":"a\u00e9","labels":{"x":"y"}},"spec":{"containers":
      [{"resources":{"limits":{"huawei.com/Ascend910":"8","n":-17,"f":1.5e3}}}]},"status":{"conditions":[{"type":"Ready"},[null,true]]}})";
  std::mt19937 random(20261124);
  int read = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string object = good;
    const std::size_t changes = random() % 4;
    for (std::size_t i = 0; i < changes; ++i)
      object[random() % object.size()] = "{}[]\",:0e\\\xff a\n-.ud8"[random() % 19];
    const Result<Json> fast = parse_projected(R"({"x":1,"object":)" + object + "}", fields, "object");
    const Result<Json> slow =
        parse_projected(R"({"x":100000000000000000000,"object":)" + object + "}", fields, "object");
    ASSERT_EQ(fast.ok(), slow.ok()) << object;
    if (!fast || !fast->contains("object")) continue;
    ++read;
    ASSERT_EQ((*fast)["object"], (*slow)["object"]) << object;
  }
  EXPECT_GT(read, 2000);  // else it is garbage that was compared
}

// The fuzzer's find: what the first object named was still taken for the place of the deeper one.
TEST(Projection, BothParsersAgreeOnArraysInArrays) {
  const Projection fields({"a.b.c"});
  for (const char* number : {"1", "100000000000000000000"}) {
    const std::string text =
        R"({"x":)" + std::string(number) + R"(,"a":[{"b":{"c":1,"d":2}},[{"d":3,"b":{"c":4}},[{"b":{"c":5}}]]]})";
    EXPECT_EQ(read(text.c_str(), fields), Json::parse(R"({"a":[{"b":{"c":1}},[{"b":{"c":4}},[{"b":{"c":5}}]]]})"))
        << number;
  }
}

TEST(Projection, BothParsersAgreeOnAnyDepth) {
  const Projection fields({"metadata", "spec"});
  for (std::size_t depth = 55; depth < 70; ++depth) {
    const std::string text = R"("object":{"metadata":{"name":"a"},"status":)" + std::string(depth, '[') + "5" +
                             std::string(depth, ']') + "}}";
    const Result<Json> fast = parse_projected(R"({"x":1,)" + text, fields, "object");
    const Result<Json> slow = parse_projected(R"({"x":100000000000000000000,)" + text, fields, "object");
    ASSERT_TRUE(fast && slow) << depth;
    EXPECT_EQ((*fast)["object"], (*slow)["object"]) << depth;
    EXPECT_EQ((*fast)["object"].contains(kTooDeepMember), depth > 62) << depth;
  }
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
