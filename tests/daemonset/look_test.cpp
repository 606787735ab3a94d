#include "daemonset/look.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const WallTime kNow{std::chrono::seconds(1795502096)};

Findings findings() {
  InventoryReading devices;
  devices.inventory = {.source = "hccn_tool",
                       .resource = "huawei.com/Ascend910",
                       .devices = {{.id = 0, .ip = "29.81.18.100", .link = "up", .health = "ok"}, {.id = 1}}};
  devices.problems["device 1"] = "no address is set";
  AllocationsReading owners;
  owners.allocations.pods = {{"llm", "qwen-prefill-0-0-1", "uid-1", {0}}};
  return {devices, owners};
}

TEST(Look, TellsAPersonWhatItFoundAndHowItKnows) {
  const std::string text = describe(findings(), kNow);
  EXPECT_THAT(text, HasSubstr("NPUs of this node, by hccn_tool (resource huawei.com/Ascend910):\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("  0 +29.81.18.100 +up +ok\n  1 +unknown +unknown +unknown\n"));
  EXPECT_THAT(text, HasSubstr("  llm/qwen-prefill-0-0-1 (UID uid-1): 0\n"));
  EXPECT_THAT(text, HasSubstr("What is wrong:\n  device 1: no address is set\n"));
  EXPECT_THAT(text, HasSubstr("  pd-operator.io/npu-inventory: {\"v\":1,\"source\":\"hccn_tool\""));
  EXPECT_TRUE(findings().complete());
}

TEST(Look, TellsAlsoWhatItCouldNotFind) {
  const Findings nothing{Error{Code::kUnavailable, "no NPUs are known"}, Error{Code::kUnavailable, "no kubelet"}};
  const std::string text = describe(nothing, kNow);
  EXPECT_EQ(text,
            "What is wrong:\n  allocations: no kubelet\n  inventory: no NPUs are known\n\n"
            "Nothing would be written to the Node.\n");
  EXPECT_FALSE(nothing.complete());
  EXPECT_EQ(to_json(nothing, kNow), "{}");
}

TEST(Look, SaysWhenAllIsWell) {
  Findings well = findings();
  well.inventory->problems.clear();
  EXPECT_THAT(describe(well, kNow), HasSubstr("\nNothing is wrong.\n"));
}

TEST(Look, SaysThatKubeletIsNotAsked) {
  Findings well = findings();
  well.allocations->allocations = {.ids = npu::Ids::kUnknown, .pods = {}};
  EXPECT_THAT(describe(well, kNow), AllOf(Not(HasSubstr("Held")), HasSubstr("Who holds which is unknown")));
}

TEST(Look, IsJsonForAScript) {
  const Json json = Json::parse(to_json(findings(), kNow));
  EXPECT_EQ(json.size(), 2U);
  EXPECT_EQ(json["pd-operator.io/npu-inventory"]["devices"][0]["ip"], "29.81.18.100");
  EXPECT_EQ(json["pd-operator.io/npu-allocations"]["pods"][0]["uid"], "uid-1");
}

}  // namespace
}  // namespace pd::agent
