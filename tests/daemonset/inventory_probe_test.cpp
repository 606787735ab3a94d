#include "daemonset/inventory_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemonset/sources/node_annotation.h"
#include "daemonset/sources/static_file.h"
#include "probe/hccn_tool.h"
#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Probing : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("FAKE_HCCN_CONF", dir_.path("tool/hccn.conf").c_str(), 1);
    std::filesystem::create_directory(dir_.path("tool"));
    std::filesystem::create_directory(dir_.path("dev"));
    options_.dev_dir = dir_.path("dev");
    options_.resource_names = {"huawei.com/Ascend910", "huawei.com/ascend-1980"};
    tool_options_.path = PD_FAKE_HCCN_TOOL;
    tool_options_.busy_delay = std::chrono::milliseconds(1);
    pod_resources_.offer(2);
  }
  void TearDown() override { unsetenv("FAKE_HCCN_CONF"); }

  Result<InventoryReading> read() {
    probe::HccnTool tool(io_, runner_, tool_options_);
    probe::HccnConf conf(dir_.path("hccn.conf"));
    StaticFile file(dir_.path("static.json"));
    InventoryProbe probe(options_, {node_annotation_, tool, conf, file}, kubelet_is_asked_ ? &pod_resources_ : nullptr);
    return run(io_, probe.read());
  }

  static std::vector<int> ids_of(const npu::Inventory& inventory) {
    std::vector<int> ids;
    for (const npu::Device& device : inventory.devices) ids.push_back(device.id);
    return ids;
  }

  TempDir dir_;
  asio::io_context io_;
  probe::ProcessRunner runner_{io_};
  probe::HccnTool::Options tool_options_;
  InventoryProbe::Options options_;
  FakePodResources pod_resources_;
  NodeAnnotation node_annotation_;
  bool kubelet_is_asked_ = true;
};

TEST_F(Probing, TakesTheToolWhereThereIsOne) {
  dir_.write("tool/hccn.conf", conf_of(8));
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.source, "hccn_tool");
  EXPECT_EQ(reading->inventory.resource, "huawei.com/Ascend910");
  EXPECT_THAT(ids_of(reading->inventory), ElementsAre(0, 1));  // as kubelet says
  EXPECT_EQ(reading->inventory.devices[1].ip, "29.81.18.101");
  EXPECT_THAT(reading->problems, IsEmpty());
}

TEST_F(Probing, EnumeratesDeviceFilesInNumericOrder) {
  dir_.write("tool/hccn.conf", conf_of(16));
  for (const char* name :
       {"davinci10", "davinci2", "davinci0", "davinci_manager", "davinci", "vdavinci100", "davinci3x"}) {
    dir_.write(std::string("dev/") + name, "");
  }
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_THAT(ids_of(reading->inventory), ElementsAre(0, 2, 10));
  EXPECT_EQ(reading->inventory.devices[2].ip, "29.81.18.110");
}

TEST_F(Probing, CountsWhereThereAreNoDeviceFiles) {
  dir_.write("tool/hccn.conf", conf_of(16));
  options_.device_count = 12;
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_THAT(reading->inventory.devices, SizeIs(12));
}

TEST_F(Probing, FallsBackToHccnConfAndThenToTheStaticFile) {
  tool_options_.path = dir_.path("no_tool");
  dir_.write("static.json", R"({"devices":[{"id":11,"ip":"29.81.18.111"}]})");
  Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.source, "static_file");
  EXPECT_THAT(ids_of(reading->inventory), ElementsAre(11));
  dir_.write("hccn.conf", conf_of(3));
  reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.source, "hccn_conf");
  EXPECT_THAT(ids_of(reading->inventory), ElementsAre(0, 1, 2));
}

TEST_F(Probing, PassesOverAToolThatAnswersNothing) {
  dir_.write("tool/hccn.conf", conf_of(2));
  dir_.write("tool/hccn_tool.script", "* garbage\n");
  dir_.write("hccn.conf", conf_of(2));
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.source, "hccn_conf");
  EXPECT_THAT(reading->problems.at("hccn_tool"), HasSubstr("no device could be read"));
}

TEST_F(Probing, ListsDevicesWithoutAddressWhenTheChosenSourceFails) {
  options_.source = "hccn_conf";
  for (const bool empty : {false, true}) {
    if (empty) dir_.write("hccn.conf", "");
    const Result<InventoryReading> reading = read();
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->inventory.source, "hccn_conf");
    EXPECT_THAT(ids_of(reading->inventory), ElementsAre(0, 1));
    EXPECT_EQ(reading->inventory.devices[0].ip, "");
    EXPECT_THAT(reading->problems.at("hccn_conf"), HasSubstr("hccn.conf"));
  }
}

TEST_F(Probing, ReportsADisagreementAndTrustsTheTool) {
  dir_.write("tool/hccn.conf", conf_of(2));
  dir_.write("hccn.conf", "address_0=29.81.18.100\naddress_1=29.81.18.99\n");
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.devices[1].ip, "29.81.18.101");
  ASSERT_THAT(reading->problems, SizeIs(1));
  const std::string& problem = reading->problems.begin()->second;
  EXPECT_THAT(problem, HasSubstr("device 1: "));
  EXPECT_THAT(problem, HasSubstr("29.81.18.101"));
  EXPECT_THAT(problem, HasSubstr("29.81.18.99"));
}

TEST_F(Probing, ComparesAlsoWithTheStaticFileAndIpv6) {
  tool_options_.path = dir_.path("no_tool");
  dir_.write("hccn.conf", "IPv6address_0=fd00::10\naddress_1=29.81.18.101\n");
  dir_.write("static.json", R"({"devices":[{"id":0,"ipv6":"fd00::11"},{"id":1,"ip":"29.81.18.101"}]})");
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  ASSERT_THAT(reading->problems, SizeIs(1));
  EXPECT_THAT(
      reading->problems.at("device 0 in static_file"),
      HasSubstr("hccn_conf says fd00::10 and static_file says fd00::11; the former is used: correct the other"));
}

TEST_F(Probing, PublishesAnIpv6AddressWhereThereIsNoOther) {
  dir_.write("tool/hccn.conf", "IPv6address_0=fd00::10\naddress_1=29.81.18.101\n");
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.devices[0].ip, "");
  EXPECT_EQ(reading->inventory.devices[0].ipv6, "fd00::10");
  EXPECT_THAT(npu::format_inventory(reading->inventory), HasSubstr(R"("ipv6":"fd00::10")"));
  EXPECT_THAT(reading->problems, IsEmpty());
}

TEST_F(Probing, TakesTheFirstResourceThatKubeletHas) {
  dir_.write("tool/hccn.conf", conf_of(2));
  pod_resources_.offer(2, "huawei.com/ascend-1980");
  Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.resource, "huawei.com/ascend-1980");
  pod_resources_.offer(2, "example.com/gpu");
  options_.device_count = 2;
  reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.resource, "");
  EXPECT_THAT(reading->problems.at("kubelet"), HasSubstr("huawei.com/ascend-1980"));
  EXPECT_THAT(reading->problems.at("kubelet"), HasSubstr("whether --resource-names"));
}

TEST_F(Probing, AsksTheToolForTheDevicesInHccnConfWhileKubeletIsAway) {
  pod_resources_.offered = Error{Code::kUnavailable, "kubelet is away"};
  dir_.write("tool/hccn.conf", conf_of(8));
  dir_.write("hccn.conf", conf_of(3));
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.source, "hccn_tool");
  EXPECT_THAT(ids_of(reading->inventory), ElementsAre(0, 1, 2));
  EXPECT_EQ(reading->problems.at("kubelet"), "kubelet is away");
}

TEST_F(Probing, SaysWhyWhenNothingIsKnown) {
  pod_resources_.offered = Error{Code::kUnavailable, "kubelet is away"};
  tool_options_.path = dir_.path("no_tool");
  const Result<InventoryReading> reading = read();
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("kubelet is away"));
  EXPECT_THAT(reading.error().message, HasSubstr("nor hccn_tool nor hccn.conf"));
}

TEST_F(Probing, DoesWithoutKubelet) {
  kubelet_is_asked_ = false;
  tool_options_.path = dir_.path("no_tool");
  options_.resource_names = {"huawei.com/ascend-1980"};
  dir_.write("static.json", R"({"devices":[{"id":3,"ip":"29.81.18.103"}]})");
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->inventory.resource, "huawei.com/ascend-1980");
  EXPECT_THAT(ids_of(reading->inventory), ElementsAre(3));
  EXPECT_THAT(reading->problems, IsEmpty());
}

TEST_F(Probing, ListsNoVirtualNpu) {
  dir_.write("tool/hccn.conf", conf_of(2));
  pod_resources_.offered =
      std::vector<AllocatableDevices>{{"huawei.com/Ascend910", {"Ascend910-1", "Ascend910-2c-100-0"}}};
  const Result<InventoryReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_THAT(ids_of(reading->inventory), ElementsAre(1));
  EXPECT_THAT(reading->problems, SizeIs(1));
}

}  // namespace
}  // namespace pd::agent
