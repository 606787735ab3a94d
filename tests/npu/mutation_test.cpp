// Annotations changed at random: an error or a value that can be written and read again, never a crash.
#include <gtest/gtest.h>

#include <random>

#include "npu/inventory.h"
#include "tests/support/mutation.h"

namespace pd::npu {
namespace {

constexpr int kRounds = 20000;

constexpr std::string_view kInventory =
    R"({"v":1,"source":"hccn_tool","resource":"huawei.com/Ascend910","probed":"2026-11-24T06:34:56Z","devices":[)"
    R"({"id":0,"ip":"29.81.18.100","link":"up","health":"ok","super_device_id":1,"super_pod_id":0,"logical_id":3,)"
    R"("ipv6":"2001:db8::1"},{"id":10,"ip":"29.81.18.101","link":"down","health":"ok"}]})";
constexpr std::string_view kAllocations =
    R"({"v":1,"ids":"real","pods":[{"namespace":"llm","name":"qwen-prefill-0-0-1","uid":"6f0e3c9a","devices":[4,5]},)"
    R"({"namespace":"llm","name":"qwen-decode-0-0-1","uid":"6f0e3c9b","devices":[10,11]}]})";

TEST(Mutation, AnInventoryIsRefusedOrReadTheSameAgain) {
  std::mt19937 random(1);
  for (int i = 0; i < kRounds && !::testing::Test::HasFailure(); ++i) {
    const std::string text = test::mutate(std::string(kInventory), random);
    const Result<Inventory> parsed = parse_inventory(text);
    if (!parsed) {
      EXPECT_FALSE(parsed.error().message.empty());
      continue;
    }
    const Result<Inventory> again = parse_inventory(format_inventory(*parsed));
    ASSERT_TRUE(again) << again.error().message << "\n" << text;
    EXPECT_EQ(*again, *parsed) << text;
  }
}

TEST(Mutation, AllocationsAreRefusedOrReadTheSameAgain) {
  std::mt19937 random(2);
  for (int i = 0; i < kRounds && !::testing::Test::HasFailure(); ++i) {
    const std::string text = test::mutate(std::string(kAllocations), random);
    const Result<Allocations> parsed = parse_allocations(text);
    if (!parsed) {
      EXPECT_FALSE(parsed.error().message.empty());
      continue;
    }
    const Result<Allocations> again = parse_allocations(format_allocations(*parsed));
    ASSERT_TRUE(again) << again.error().message << "\n" << text;
    EXPECT_EQ(*again, *parsed) << text;
  }
}

TEST(Mutation, DeviceNamesOfAnyBytesAreRefusedOrInRange) {
  std::mt19937 random(3);
  for (int i = 0; i < kRounds; ++i) {
    const Result<int> id = device_id_of(test::mutate("Ascend910-14", random));
    EXPECT_TRUE(!id || (*id >= 0 && *id <= 255));
  }
}

}  // namespace
}  // namespace pd::npu
