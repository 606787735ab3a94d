#include "cli/yaml.h"

#include <random>

#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json only(const std::string& text) {
  const Result<std::vector<Json>> documents = parse_yaml(text);
  if (!documents) return documents.error().message;
  return documents->size() == 1 ? documents->front() : Json(*documents);
}

TEST(ParseYaml, TypesPlainScalarsAsKubernetesDoes) {
  EXPECT_EQ(only("[1, -7, 0x1F, 0644, 1.5, -2e3, 18446744073709551615]"),
            Json::parse("[1, -7, 31, 420, 1.5, -2000.0, 18446744073709551615]"));
  EXPECT_EQ(only("[true, No, on, ~, null, '']"), Json::parse(R"([true, false, true, null, null, ""])"));
  EXPECT_EQ(only("[1.2.3, 10m, v1, 1e, -, 0x, 08x, --port, 2026-11-24T06:34:56Z, .inf]"),
            Json::parse(R"(["1.2.3", "10m", "v1", "1e", "-", "0x", "08x", "--port", "2026-11-24T06:34:56Z", ".inf"])"));
  EXPECT_EQ(only("['1', \"yes\", !!str 5, !!int 5]"), Json::parse(R"(["1", "yes", "5", 5])"));
  EXPECT_EQ(only("a: |\n  x\n  y\n"), Json::parse(R"({"a": "x\ny\n"})"));
}

TEST(ParseYaml, ResolvesAliasesAndMergeKeys) {
  EXPECT_EQ(only("a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{x: 5}, *a], z: 4}"),
            Json::parse(R"({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3},
                            "d": {"x": 5, "y": 2, "z": 4}})"));
}

TEST(ParseYaml, ReadsDocumentsAndJson) {
  EXPECT_EQ(only("---\na: 1\n---\n# nothing\n---\nb: 2\n"), Json::parse(R"([{"a": 1}, {"b": 2}])"));
  EXPECT_EQ(only(R"({"a": ["b", 1, null, "A"]})"), Json::parse(R"({"a": ["b", 1, null, "A"]})"));
  EXPECT_EQ(only(""), Json::array());
}

TEST(ParseYaml, SaysWhereItIsWrong) {
  EXPECT_THAT(only("a: 1\nb: [1\n").get<std::string>(), HasSubstr("line 3"));
  EXPECT_THAT(only("a: 1\nb: 2\na: 3\n").get<std::string>(), AllOf(HasSubstr("line 3, column 1"), HasSubstr("\"a\"")));
  EXPECT_THAT(only("a: !secret x").get<std::string>(), HasSubstr("is not known to Kubernetes"));
  EXPECT_THAT(only("[1, 2]: x").get<std::string>(), HasSubstr("a key should be a text"));
  EXPECT_THAT(only("a: {<<: 5}").get<std::string>(), HasSubstr("should be a map"));
}

// What a few lines of aliases would make of memory.
TEST(ParseYaml, IsNotBlownUpByAliases) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 8; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_THAT(only(bomb).get<std::string>(), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(only("a: &a [*a]").get<std::string>(), HasSubstr("line 1"));
  EXPECT_THAT(only(std::string(2000, '[')).get<std::string>(), HasSubstr("line 1"));
}

TEST(FormatYaml, QuotesWhatIsNoWord) {
  EXPECT_EQ(format_yaml({{"a", "engine"}, {"b", "1.0"}, {"c", "no"}, {"d", "$(POD_IP)"}, {"e", "--port"}, {"f", ""}}),
            "a: engine\nb: \"1.0\"\nc: \"no\"\nd: $(POD_IP)\ne: --port\nf: \"\"");
  EXPECT_EQ(format_yaml({{"y", OrderedJson::array()}, {"z", OrderedJson::object()}}), "\"y\": []\nz: {}");
  EXPECT_EQ(format_yaml({{"args", {"-c", "set -e\nrun\n"}}}), "args:\n  - -c\n  - |\n    set -e\n    run\n");
}

std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> pieces = {"a",  "no", "true", "1",    ".",  "-",  ":",    " ",    "\n",
                                                  "\t", "#",  "'",    "\"",   "\\", "{",  "[",    "&",    "*",
                                                  "!",  "|",  ">",    "%",    "@",  "~",  "é",    "\x01", "\xc2\x85",
                                                  "e3", "0x", "---",  "null", "<<", ", ", "$(X)", "\r\n"};
  std::string text;
  for (unsigned i = random() % 6; i > 0; --i) text += pieces[random() % pieces.size()];
  return text;
}

OrderedJson random_value(std::mt19937& random, int depth) {
  const unsigned kind = random() % (depth > 3 ? 4 : 6);
  OrderedJson value;
  if (kind == 0) return random_text(random);
  if (kind == 1) return static_cast<std::int64_t>(random()) - 2'000'000'000;
  if (kind == 2) return random() % 2 == 0;
  if (kind == 3) return random() % 3 == 0 ? OrderedJson() : OrderedJson(random_text(random));
  value = kind == 4 ? OrderedJson::array() : OrderedJson::object();
  for (unsigned i = random() % 4; i > 0; --i) {
    if (kind == 4) value.push_back(random_value(random, depth + 1));
    if (kind == 5) value[random_text(random)] = random_value(random, depth + 1);
  }
  return value;
}

TEST(FormatYaml, IsReadAsWhatWasWritten) {
  std::mt19937 random(20261124);
  for (int i = 0; i < 20000; ++i) {
    const OrderedJson value = {{"value", random_value(random, 0)}};
    const std::string text = format_yaml(value);
    ASSERT_EQ(only(text), Json(value)) << text;
  }
}

}  // namespace
}  // namespace pd::cli
