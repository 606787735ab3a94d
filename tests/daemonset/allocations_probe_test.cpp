#include "daemonset/allocations_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kNpu = "huawei.com/Ascend910";
const std::string kUid = "8e8d3b7c-0000-4000-8000-000000000001";

// Kubelet whose answer takes long enough for something to happen.
class BusyKubelet final : public PodResources {
 public:
  asio::awaitable<Result<std::vector<ContainerDevices>>> list() override {
    while_asked();
    co_return listed;
  }
  asio::awaitable<Result<std::vector<AllocatableDevices>>> allocatable() override {
    co_return std::vector<AllocatableDevices>();
  }
  void stop() override {}

  std::vector<ContainerDevices> listed;
  std::function<void()> while_asked = [] {};
};

class ReadingAllocations : public ::testing::Test {
 protected:
  void SetUp() override {
    kubelet_.listed = {{"llm", "p", "main", kNpu, {"Ascend910-1"}, true}};
    dir_.write("checkpoint", checkpoint_of({{kUid, "main", kNpu, {"Ascend910-1"}}}));
  }

  AllocationsProbe::Options options() const {
    return {dir_.path("checkpoint"), dir_.path("pods"), {kNpu}, npu::Ids::kReal};
  }
  Result<AllocationsReading> read() {
    AllocationsProbe probe(options(), kubelet_);
    return run(io_, probe.read());
  }
  void make_log_folder(const std::string& name) { std::filesystem::create_directories(dir_.path("pods/" + name)); }

  const npu::PodDevices owner_{"llm", "p", kUid, {1}};
  TempDir dir_;
  asio::io_context io_;
  BusyKubelet kubelet_;
};

TEST_F(ReadingAllocations, JoinsListAndCheckpoint) {
  const Result<AllocationsReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_THAT(reading->allocations.pods, ElementsAre(owner_));
  EXPECT_THAT(reading->problems, IsEmpty());
}

TEST_F(ReadingAllocations, LooksAgainWhenTheCheckpointChangesMeanwhile) {
  const std::string other = "8e8d3b7c-0000-4000-8000-000000000002";
  dir_.write("checkpoint", checkpoint_of({{other, "main", kNpu, {"Ascend910-1"}}}));
  int asked = 0;
  kubelet_.while_asked = [&] {
    if (++asked == 1) dir_.write("checkpoint", checkpoint_of({{kUid, "main", kNpu, {"Ascend910-1"}}}));
  };
  const Result<AllocationsReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_THAT(reading->allocations.pods, ElementsAre(owner_));
  EXPECT_EQ(asked, 2);
}

TEST_F(ReadingAllocations, GivesUpOnACheckpointThatChangesAllTheTime) {
  int asked = 0;
  kubelet_.while_asked = [&] { dir_.write("checkpoint", std::to_string(++asked)); };
  const Result<AllocationsReading> reading = read();
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("changes all the time"));
}

TEST_F(ReadingAllocations, TakesUidsFromTheLogsWhereTheCheckpointCannotBeRead) {
  make_log_folder("llm_p_" + kUid);
  for (const bool there : {true, false}) {
    dir_.write("checkpoint", "garbage");
    if (!there) std::filesystem::remove(dir_.path("checkpoint"));
    const Result<AllocationsReading> reading = read();
    ASSERT_TRUE(reading);
    EXPECT_THAT(reading->allocations.pods, ElementsAre(owner_));
    EXPECT_THAT(reading->problems.at("checkpoint"), HasSubstr(dir_.path("checkpoint")));
    EXPECT_THAT(reading->problems.at("checkpoint"), HasSubstr(dir_.path("pods")));
  }
}

// Kubelet was restarted, and lists no pod yet.
TEST_F(ReadingAllocations, APodStaysThroughARestartOfKubeletByItsLogs) {
  make_log_folder("llm_p_" + kUid);
  std::filesystem::remove(dir_.path("checkpoint"));
  AllocationsProbe probe(options(), kubelet_);
  ASSERT_THAT(run(io_, probe.read())->allocations.pods, ElementsAre(owner_));
  kubelet_.listed.clear();
  EXPECT_THAT(run(io_, probe.read())->allocations.pods, ElementsAre(owner_));
  std::filesystem::remove(dir_.path("pods/llm_p_" + kUid));
  EXPECT_THAT(run(io_, probe.read())->allocations.pods, IsEmpty()) << "kubelet has removed what the pod left behind";
}

// So long as it does not list the agent, it has heard of no pod from the API server; static pods are none of those.
TEST_F(ReadingAllocations, KubeletWaitsUntilItListsTheAgentsOwnPod) {
  AllocationsProbe::Options options = this->options();
  options.own_pod = "pd-system/agent-1";
  AllocationsProbe probe(options, kubelet_);
  ASSERT_TRUE(run(io_, probe.read()));
  kubelet_.listed = {{"kube-system", "proxy", "main", "", {}, true}};
  const Result<AllocationsReading> waits = run(io_, probe.read());
  EXPECT_THAT(waits->allocations.pods, ElementsAre(owner_));
  EXPECT_FALSE(waits->look_again) << "its time is not counted";
  EXPECT_THAT(waits->problems.at("kubelet"), HasSubstr("own pod pd-system/agent-1"));
  kubelet_.listed.push_back({"pd-system", "agent-1", "agent", "", {}, true});
  const Result<AllocationsReading> listed = run(io_, probe.read());
  EXPECT_TRUE(listed->look_again);
  EXPECT_THAT(listed->problems, IsEmpty());
}

TEST_F(ReadingAllocations, SaysThatANewerCheckpointCouldNotBeVerified) {
  Json document = Json::parse(checkpoint_of({{kUid, "main", kNpu, {"Ascend910-1"}}}));
  document["Data"]["Added"] = 1;
  dir_.write("checkpoint", document.dump());
  const Result<AllocationsReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_THAT(reading->allocations.pods, ElementsAre(owner_));
  EXPECT_THAT(reading->problems.at("checkpoint"), HasSubstr("look for a newer pd-agent"));
}

// Kubelet has given the device to another pod, and has not written that yet.
TEST_F(ReadingAllocations, GivesNoPodTheUidOfTheOneBefore) {
  AllocationsProbe probe({dir_.path("checkpoint"), dir_.path("pods"), {kNpu}, npu::Ids::kReal}, kubelet_);
  EXPECT_THAT(run(io_, probe.read())->allocations.pods, ElementsAre(owner_));
  kubelet_.listed[0].pod = "q";
  const Result<AllocationsReading> between = run(io_, probe.read());
  ASSERT_TRUE(between);
  for (const npu::PodDevices& pod : between->allocations.pods) EXPECT_EQ(pod, owner_);
  const std::string uid = "8e8d3b7c-0000-4000-8000-000000000002";
  dir_.write("checkpoint", checkpoint_of({{uid, "main", kNpu, {"Ascend910-1"}}}));
  EXPECT_THAT(run(io_, probe.read())->allocations.pods, ElementsAre(npu::PodDevices{"llm", "q", uid, {1}}));
}

TEST_F(ReadingAllocations, SaysWhatNeitherTells) {
  std::filesystem::remove(dir_.path("checkpoint"));
  const Result<AllocationsReading> reading = read();
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code, Code::kNotFound);
  EXPECT_THAT(reading.error().message, HasSubstr(dir_.path("checkpoint")));
  EXPECT_THAT(reading.error().message, HasSubstr(dir_.path("pods")));
}

TEST_F(ReadingAllocations, NeedsNoCheckpointWhereNothingWasEverAllocated) {
  std::filesystem::remove(dir_.path("checkpoint"));
  kubelet_.listed.clear();
  const Result<AllocationsReading> reading = read();
  ASSERT_TRUE(reading);
  EXPECT_THAT(reading->allocations.pods, IsEmpty());
  EXPECT_THAT(reading->problems, IsEmpty());
}

}  // namespace
}  // namespace pd::agent
