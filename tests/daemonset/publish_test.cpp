#include "daemonset/publish.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "npu/annotation_reader.h"
#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kInventory(npu::kInventoryAnnotation);
const std::string kAllocations(npu::kAllocationsAnnotation);

class FixedClock final : public Clock {
 public:
  Instant now() const override { return {}; }
  WallTime wall_now() const override { return WallTime(wall); }
  std::chrono::seconds wall{1000};
};

npu::Inventory inventory_of(const std::string& ip) {
  npu::Device device;
  device.ip = ip;
  npu::Inventory inventory;
  inventory.source = "hccn_tool";
  inventory.resource = "huawei.com/Ascend910";
  inventory.devices = {device};
  return inventory;
}

Wanted wanted_of(const std::string& ip) {
  Wanted wanted;
  wanted.inventory = inventory_of(ip);
  wanted.allocations.emplace().pods = {{"llm", "p", "8e8d3b7c-0000-4000-8000-000000000001", {0}}};
  return wanted;
}

class Publishing : public ::testing::Test {
 protected:
  Result<bool> publish(const Wanted& wanted) { return run(io_, publisher_.publish(wanted)); }
  std::string probed() const { return npu::parse_inventory(node_.held.at(kInventory))->probed; }

  asio::io_context io_;
  FakeNode node_;
  FixedClock clock_;
  Publisher publisher_{node_, clock_};
};

TEST_F(Publishing, WritesBothAnnotationsInOnePatchAndOnlyOnce) {
  EXPECT_TRUE(*publish(wanted_of("29.81.18.100")));
  ASSERT_THAT(node_.patches, SizeIs(1));
  EXPECT_THAT(node_.patches[0], SizeIs(2));
  clock_.wall += std::chrono::hours(1);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(*publish(wanted_of("29.81.18.100")));
  EXPECT_THAT(node_.patches, SizeIs(1));
  EXPECT_EQ(probed(), "1970-01-01T00:16:40Z");
}

TEST_F(Publishing, DoesNotWriteAfterARestartWhatIsThere) {
  EXPECT_TRUE(*publish(wanted_of("29.81.18.100")));
  clock_.wall += std::chrono::hours(1);
  Publisher restarted(node_, clock_);
  EXPECT_FALSE(*run(io_, restarted.publish(wanted_of("29.81.18.100"))));
  EXPECT_THAT(node_.patches, SizeIs(1));
}

TEST_F(Publishing, WritesOnlyWhatChanged) {
  ASSERT_TRUE(publish(wanted_of("29.81.18.100")));
  clock_.wall += std::chrono::seconds(1);
  EXPECT_TRUE(*publish(wanted_of("29.81.18.200")));
  ASSERT_THAT(node_.patches, SizeIs(2));
  EXPECT_THAT(node_.patches[1], SizeIs(1));
  EXPECT_EQ(probed(), "1970-01-01T00:16:41Z");
}

TEST_F(Publishing, RepairsWhatSomebodyElseChanged) {
  ASSERT_TRUE(publish(wanted_of("29.81.18.100")));
  const Annotations before = node_.held;
  node_.held[kInventory] = "\xff forged";
  node_.held.erase(kAllocations);
  EXPECT_FALSE(*publish(wanted_of("29.81.18.100")));  // not known yet
  ASSERT_TRUE(run(io_, publisher_.refresh()));
  EXPECT_TRUE(*publish(wanted_of("29.81.18.100")));
  EXPECT_EQ(node_.held, before);
}

TEST_F(Publishing, LooksBeforeItWritesAgainWhenAnAnswerWasLost) {
  node_.apply_before_failing = true;
  ASSERT_TRUE(run(io_, publisher_.refresh()));
  node_.failure = Error{Code::kTimeout, "no answer"};
  EXPECT_FALSE(publish(wanted_of("29.81.18.100")));
  node_.failure.reset();
  EXPECT_FALSE(*publish(wanted_of("29.81.18.100")));
  EXPECT_THAT(node_.patches, SizeIs(1));
}

TEST_F(Publishing, LeavesAloneWhatNothingIsKnownAbout) {
  node_.held = {{kInventory, "whatever"}, {kAllocations, "it was"}, {"other", "annotation"}};
  EXPECT_FALSE(*publish(Wanted{}));
  EXPECT_THAT(node_.patches, IsEmpty());
}

TEST_F(Publishing, RemovesAnInventoryThatNobodyConfirms) {
  node_.held = {{kInventory, "whatever"}, {"other", "annotation"}};
  Wanted wanted;
  wanted.remove_inventory = true;
  EXPECT_TRUE(*publish(wanted));
  EXPECT_EQ(node_.held, (Annotations{{"other", "annotation"}}));
  EXPECT_FALSE(*publish(wanted));
}

TEST_F(Publishing, SendsNothingThatKubernetesWouldRefuse) {
  ASSERT_TRUE(publish(wanted_of("29.81.18.100")));
  const Annotations ours = node_.held;
  std::size_t taken = std::string("other").size();
  for (const auto& [key, value] : ours) taken += key.size() + value.size();
  node_.held["other"] = std::string(npu::kAnnotationBytes - taken, 'x');
  ASSERT_TRUE(run(io_, publisher_.refresh()));
  EXPECT_TRUE(*publish(wanted_of("29.81.18.200")));  // as long as before
  const Result<bool> longer = publish(wanted_of("129.81.18.100"));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, Code::kInvalid);
  EXPECT_THAT(longer.error().message, ::testing::HasSubstr("262144"));
  EXPECT_THAT(node_.patches, SizeIs(2));
}

TEST_F(Publishing, KeepsTheResourceWhileItIsNotKnown) {
  ASSERT_TRUE(publish(wanted_of("29.81.18.100")));
  Wanted wanted = wanted_of("29.81.18.100");
  wanted.inventory->resource.clear();
  EXPECT_FALSE(*publish(wanted));
  wanted.inventory->devices[0].ip = "29.81.18.200";
  EXPECT_TRUE(*publish(wanted));
  EXPECT_EQ(npu::parse_inventory(node_.held.at(kInventory))->resource, "huawei.com/Ascend910");
}

}  // namespace
}  // namespace pd::agent
