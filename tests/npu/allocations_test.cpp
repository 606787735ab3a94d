#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "npu/inventory.h"

namespace pd::npu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kSample =
    R"({"v":1,"ids":"real","pods":[{"namespace":"llm","name":"qwen-prefill-0-0-1","uid":"6f0e3c9a-0f5e-4f0e-8d3c-3b8f9f1c2a10",)"
    R"("devices":[4,5]},{"namespace":"llm","name":"qwen-prefill-1-0-1","uid":"u2","devices":[6]}]})";

Allocations sample() {
  return {.ids = Ids::kReal,
          .pods = {{"llm", "qwen-prefill-0-0-1", "6f0e3c9a-0f5e-4f0e-8d3c-3b8f9f1c2a10", {4, 5}},
                   {"llm", "qwen-prefill-1-0-1", "u2", {6}}}};
}

std::string changed(const std::string& pointer, const Json& value) {
  Json json = Json::parse(kSample);
  json[Json::json_pointer(pointer)] = value;
  return json.dump();
}

TEST(AllocationsText, IsAsDocumented) {
  EXPECT_EQ(format_allocations(sample()), kSample);
  const Result<Allocations> parsed = parse_allocations(kSample);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, sample());
}

TEST(AllocationsText, SaysWhereIdsAreRemapped) {
  Allocations allocations = sample();
  allocations.ids = Ids::kRemapped;
  EXPECT_THAT(format_allocations(allocations), StartsWith(R"({"v":1,"ids":"remapped",)"));
  EXPECT_EQ(parse_allocations(R"({"v":1,"ids":"unknown","pods":[]})")->ids, Ids::kUnknown);
  EXPECT_EQ(*parse_allocations(format_allocations(allocations)), allocations);
  EXPECT_EQ(format_allocations({}), R"({"v":1,"ids":"real","pods":[]})");
}

TEST(AllocationsText, OrdersPodsByNameAndDevicesByNumber) {
  Allocations shuffled{.ids = Ids::kReal,
                       .pods = {{"b", "x", "1", {10, 2, 9}}, {"a", "y", "2", {}}, {"a", "x", "3", {1}}}};
  const Result<Allocations> parsed = parse_allocations(format_allocations(shuffled));
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->pods.size(), 3u);
  EXPECT_EQ(parsed->pods[0].uid, "3");
  EXPECT_EQ(parsed->pods[1].uid, "2");
  EXPECT_THAT(parsed->pods[2].devices, ElementsAre(2, 9, 10));
  std::reverse(shuffled.pods.begin(), shuffled.pods.end());
  EXPECT_EQ(format_allocations(shuffled), format_allocations(*parsed));
}

TEST(AllocationsText, UnknownMembersAreAccepted) {
  EXPECT_TRUE(parse_allocations(changed("/node", "n1")));
  EXPECT_TRUE(parse_allocations(changed("/pods/0/container", Json::object())));
}

struct Refusal {
  std::string pointer;
  Json value;
};

TEST(AllocationsText, RefusesAndNamesThePlace) {
  const std::vector<Refusal> refusals = {
      {"/v", 2},
      {"/ids", "Real"},
      {"/ids", nullptr},
      {"/ids", ""},
      {"/pods", nullptr},
      {"/pods", Json::array_t(1025)},
      {"/pods/0", "pod"},
      {"/pods/0/namespace", "LLM"},
      {"/pods/0/namespace", "a.b"},
      {"/pods/0/namespace", std::string(64, 'a')},
      {"/pods/0/name", ""},
      {"/pods/0/name", "a..b"},
      {"/pods/0/name", "-a"},
      {"/pods/0/name", "a/b"},
      {"/pods/0/name", std::string(254, 'a')},
      {"/pods/0/uid", ""},
      {"/pods/0/uid", "a b"},
      {"/pods/0/uid", std::string(65, 'a')},
      {"/pods/1/uid", "6f0e3c9a-0f5e-4f0e-8d3c-3b8f9f1c2a10"},
      {"/pods/0/devices", "4,5"},
      {"/pods/0/devices", Json::array_t(65, 1)},
      {"/pods/0/devices/0", "4"},
      {"/pods/0/devices/0", 256},
      {"/pods/0/devices/1", 4},
      {"/pods/1/devices/0", 5},
  };
  for (const Refusal& refusal : refusals) {
    const Result<Allocations> parsed = parse_allocations(changed(refusal.pointer, refusal.value));
    ASSERT_FALSE(parsed) << refusal.pointer << " " << refusal.value;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    EXPECT_THAT(parsed.error().message, StartsWith("pd-operator.io/npu-allocations at " + refusal.pointer + ": "));
  }
}

TEST(AllocationsText, ADeviceInTwoPodsIsNamedWithItsOwner) {
  const Result<Allocations> parsed = parse_allocations(changed("/pods/1/devices/0", 5));
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("the device 5 is already listed for the pod llm/qwen-prefill-0-0-1"));
}

}  // namespace
}  // namespace pd::npu
