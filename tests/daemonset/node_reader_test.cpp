#include "daemonset/node_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/wakeup.h"
#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const npu::Device kPlain{.id = 1, .ip = "29.81.18.101"};
const npu::Device kWithSuperPod{.id = 1, .ip = "29.81.18.101", .super_device_id = 71, .super_pod_id = 5};

// A node of two NPUs with a hccn.conf and an npu-smi that knows super pods.
class ReadingNode : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.hccn_tool = dir_.path("no_tool");
    options_.hccn_conf = dir_.write("hccn.conf", conf_of(2));
    options_.checkpoint = dir_.write("checkpoint", checkpoint_of({}));
    options_.pod_logs = options_.dev_dir = dir_.path("none");
    options_.resource_names = {"huawei.com/Ascend910"};
    options_.npu_smi =
        dir_.write("npu-smi", "#!/bin/sh\nexec " PD_FAKE_NPU_SMI " --conf " + dir_.path("npu-smi.conf") + " \"$@\"\n");
    std::filesystem::permissions(options_.npu_smi, std::filesystem::perms::owner_all);
    dir_.write("npu-smi.conf", "product=910_93\ndevices=2\nsuper_pod_id=5\nsdid_0=70\nsdid_1=71\n");
    pod_resources_.offer(2);
    reader_ = std::make_unique<NodeReader>(io_, options_, borrowed(pod_resources_));
  }

  npu::Device second_device(const Agent::Sources& sources) {
    const Result<InventoryReading> reading = run(io_, sources.inventory());
    if (!reading) return {};
    EXPECT_THAT(reading->problems, IsEmpty());
    return reading->inventory.devices.at(1);
  }

  TempDir dir_;
  asio::io_context io_;
  Options options_;
  FakePodResources pod_resources_;
  std::unique_ptr<NodeReader> reader_;
};

TEST_F(ReadingNode, SaysWhenNpuSmiHasToldSuperPodIds) {
  runtime::Wakeup changed;
  reader_->on_change([&changed] { changed.notify(); }, [] {});
  const Agent::Sources sources = reader_->sources();
  EXPECT_EQ(second_device(sources), kPlain) << "the addresses do not wait for it";
  run(io_, changed.wait_until(runtime::TimeService::kNever));
  EXPECT_EQ(second_device(sources), kWithSuperPod);
}

TEST_F(ReadingNode, WaitsForNpuSmiWhereItIsPatient) {
  EXPECT_EQ(second_device(reader_->patient_sources()), kWithSuperPod);
}

TEST_F(ReadingNode, WaitsForAPodThatMayGrowWhereItIsPatient) {
  const std::string npu = "huawei.com/Ascend910";
  const std::string uid = "8e8d3b7c-0000-4000-8000-000000000001";
  pod_resources_.listed = std::vector<ContainerDevices>{{"llm", "p", "main", npu, {"Ascend910-1"}, false},
                                                        {"llm", "p", "sidecar", "", {}, true}};
  dir_.write("checkpoint", checkpoint_of({{uid, "main", npu, {"Ascend910-1"}}}));
  EXPECT_THAT(run(io_, reader_->sources().allocations())->allocations.pods, IsEmpty());
  EXPECT_THAT(run(io_, reader_->patient_sources().allocations())->allocations.pods,
              ElementsAre(npu::PodDevices{"llm", "p", uid, {1}}));
}

TEST_F(ReadingNode, IsStoppedWhileNpuSmiHangs) {
  dir_.write("npu-smi.script", "* hang\n");
  runtime::Wakeup changed;
  reader_->on_change([&changed] { changed.notify(); }, [] {});
  EXPECT_EQ(second_device(reader_->sources()), kPlain);
  reader_->stop();
  run(io_, changed.wait_until(runtime::TimeService::kNever));
}

}  // namespace
}  // namespace pd::agent
