#include "probe/npu_smi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/probe/fixture.h"

namespace pd::probe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr const char* kMapping =
    "\tNPU ID                         Chip ID                        Chip Logic ID                  Chip Phy-ID"
    "                    Chip Name                     \n"
    "\t0                              0                              0                              0"
    "                              Ascend910\n"
    "\t0                              1                              1                              9"
    "                              Ascend910\n"
    "\t0                              2                              -                              -"
    "                              Mcu\n"
    "\t-1                             0                              2                              2"
    "                              Ascend910\n";

TEST(ParseNpuMapping, ReadsTheTableOfA3) {
  const Result<std::map<int, NpuPlace>> places = parse_npu_mapping({0, kMapping});
  ASSERT_TRUE(places) << places.error().message;
  EXPECT_THAT(*places, ElementsAre(Pair(0, NpuPlace{0, 0}), Pair(9, NpuPlace{0, 1})));
}

TEST(ParseNpuMapping, LeavesTheChipOutWhereCardsHaveSlots) {
  const Result<std::map<int, NpuPlace>> places =
      parse_npu_mapping({0,
                         "NPU ID          Slot ID          Chip ID          Chip Phy-ID          Chip Name  \n"
                         "3               7                0                5                    950 PR\n"});
  ASSERT_TRUE(places) << places.error().message;
  EXPECT_THAT(*places, ElementsAre(Pair(5, NpuPlace{3, std::nullopt})));
}

TEST(ParseNpuMapping, ATableWithoutPhysicalIdsIsOfAProductWithoutSuperPods) {
  const Result<std::map<int, NpuPlace>> places =
      parse_npu_mapping({0,
                         "\tNPU ID                         Chip ID                        Chip Logic ID            "
                         "      Chip Name                     \n\t0    0    0    Ascend 910B3\n"});
  ASSERT_FALSE(places);
  EXPECT_EQ(places.error().code, Code::kNotFound);
}

TEST(ParseNpuMapping, RefusesTheRest) {
  for (const ProcessResult& result :
       {ProcessResult{0, ""}, ProcessResult{0, "There is no NPU card on this server.\n"},
        ProcessResult{0, std::string("\0\xff\n\n", 4)}, ProcessResult{8, kMapping}, ProcessResult{0, "NPU ID\n"}}) {
    const Result<std::map<int, NpuPlace>> places = parse_npu_mapping(result);
    ASSERT_FALSE(places) << result.output;
    EXPECT_NE(places.error().code, Code::kNotFound);
  }
  EXPECT_THAT(parse_npu_mapping({255, "dcmi module initialize failed. ret is -8005\n"}).error().message,
              HasSubstr("mount /dev and /usr/local/dcmi"));
}

std::string spod(const std::string& sdid, const std::string& pod) {
  return "\tSDID                           : " + sdid + "\n\tSuper Pod Size                 : 384\n" +
         "\tSuper Pod ID                   : " + pod + "\n\tServer Index                   : 2\n";
}

SuperPodIds ids_in(const std::string& output) {
  const Result<SuperPodIds> ids = parse_spod_info({0, output});
  if (ids) return *ids;
  ADD_FAILURE() << ids.error().message;
  return {};
}

TEST(ParseSpodInfo, ReadsTheIds) {
  EXPECT_EQ(ids_in(spod("67108865", "5")), (SuperPodIds{67108865, 5}));
  EXPECT_EQ(ids_in(spod("0", "0")), (SuperPodIds{0, 0}));
  EXPECT_EQ(ids_in("\tSuper Pod ID                   : 5\n"), (SuperPodIds{std::nullopt, 5}));
}

TEST(ParseSpodInfo, IdsThatAreNoneAreLeftOut) {
  for (const char* none : {"4294967295", "4294967296", "-1", "", "5x", "0x5", " "}) {
    EXPECT_EQ(ids_in(spod(none, none)), SuperPodIds{}) << none;
  }
}

TEST(ParseSpodInfo, TellsAProductWithoutSuperPodsFromAFailure) {
  EXPECT_EQ(parse_spod_info({0, "This device does not support querying spod-info.\n"}).error().code, Code::kNotFound);
  EXPECT_EQ(parse_spod_info({202, "This device does not support querying spod-info.\n"}).error().code, Code::kNotFound);
  EXPECT_EQ(parse_spod_info({0, ""}).error().code, Code::kInvalid);
  EXPECT_EQ(parse_spod_info({0, "SDID : 7\n"}).error().code, Code::kInvalid);
  EXPECT_EQ(parse_spod_info({1, spod("1", "5")}).error().code, Code::kUnavailable);
  EXPECT_THAT(parse_spod_info({127, "npu-smi: error while loading shared libraries: libdcmi.so\n"}).error().message,
              HasSubstr("LD_LIBRARY_PATH"));
}

// On the imitation of npu-smi, as a process.
class NpuSmiTool : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("FAKE_NPU_SMI_CONF", dir_.path("npu-smi.conf").c_str(), 1);
    options_.path = PD_FAKE_NPU_SMI;
    options_.call_limit = std::chrono::minutes(1);
    conf("910_93", 5);
    for (int id = 0; id < 4; ++id) devices_.push_back({.id = id});
  }
  void TearDown() override { unsetenv("FAKE_NPU_SMI_CONF"); }

  void conf(const std::string& product, int super_pod) {
    std::string text = "product=" + product + "\ndevices=4\nsuper_pod_id=" + std::to_string(super_pod) + "\n";
    for (int id = 0; id < 4; ++id) text += "sdid_" + std::to_string(id) + "=" + std::to_string(100 + id) + "\n";
    dir_.write("npu-smi.conf", text);
  }
  void script(const std::string& lines) { dir_.write("npu-smi.script", lines); }
  void make() { tool_.emplace(runner_, options_); }

  // The super-device ids after it, -1 for none.
  std::vector<std::int64_t> complete() {
    if (!tool_) make();
    problems_.clear();
    std::vector<npu::Device> devices = devices_;
    if (tool_->is_due(devices)) run(io_, tool_->learn(devices));
    tool_->complete(devices, problems_);
    std::vector<std::int64_t> ids;
    pods_.clear();
    for (const npu::Device& device : devices) {
      ids.push_back(device.super_device_id.value_or(-1));
      pods_.push_back(device.super_pod_id.value_or(-1));
    }
    return ids;
  }

  // How many calls hung; all of them are gone.
  int hung_calls() const {
    std::ifstream pids(dir_.path("npu-smi.script.pids"));
    int calls = 0;
    for (pid_t pid = 0; pids >> pid; ++calls) EXPECT_EQ(kill(pid, 0), -1) << pid << " is still there";
    return calls;
  }

  TempDir dir_;
  asio::io_context io_;
  ProcessRunner runner_{io_};
  NpuSmi::Options options_;
  std::optional<NpuSmi> tool_;
  std::vector<npu::Device> devices_;
  std::vector<std::int64_t> pods_;
  Problems problems_;
};

TEST_F(NpuSmiTool, FillsInWhatDevicesLack) {
  devices_[1].super_device_id = 7;
  EXPECT_THAT(complete(), ElementsAre(100, 7, 102, 103));
  EXPECT_THAT(pods_, ElementsAre(5, 5, 5, 5));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(NpuSmiTool, AsksOnceForEachDevice) {
  complete();
  conf("910_93", 6);
  script("* garbage\n");
  EXPECT_THAT(complete(), ElementsAre(100, 101, 102, 103));
  EXPECT_THAT(pods_, ElementsAre(5, 5, 5, 5));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(NpuSmiTool, AsksAgainAfterAWhile) {
  options_.valid = Duration::zero();
  complete();
  conf("910_93", 6);
  complete();
  EXPECT_THAT(pods_, ElementsAre(6, 6, 6, 6));
}

TEST_F(NpuSmiTool, AsksNothingWhenNothingIsLacking) {
  for (npu::Device& device : devices_) device.super_device_id = device.super_pod_id = 1;
  script("* garbage\n");
  complete();
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(NpuSmiTool, SaysNothingWhereThereIsNone) {
  options_.path = dir_.path("no_such_tool");
  EXPECT_THAT(complete(), ElementsAre(-1, -1, -1, -1));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(NpuSmiTool, IsNotAskedAgainWhereThereAreNoSuperPods) {
  options_.first_pause = options_.longest_pause = Duration::zero();
  conf("910B", 5);
  EXPECT_THAT(complete(), ElementsAre(-1, -1, -1, -1));
  EXPECT_THAT(problems_, IsEmpty());
  conf("910_93", 5);
  EXPECT_THAT(complete(), ElementsAre(-1, -1, -1, -1));
}

TEST_F(NpuSmiTool, GivesA950ItsSuperPodAlone) {
  conf("950", 5);
  EXPECT_THAT(complete(), ElementsAre(-1, -1, -1, -1));
  EXPECT_THAT(pods_, ElementsAre(5, 5, 5, 5));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(NpuSmiTool, ADeviceThatFailsHidesNoOtherAndIsAskedAgain) {
  options_.first_pause = options_.longest_pause = Duration::zero();
  script("1 denied\n");
  devices_.push_back({.id = 8});
  EXPECT_THAT(complete(), ElementsAre(100, -1, 102, 103, -1));
  EXPECT_THAT(problems_["npu-smi"], HasSubstr("info -t spod-info -i 0 -c 1: exit status 1"));
  script("");
  EXPECT_THAT(complete(), ElementsAre(100, 101, 102, 103, -1));
  EXPECT_THAT(problems_["npu-smi"], HasSubstr("info -m does not list the physical id 8"));
  devices_.pop_back();
  complete();
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(NpuSmiTool, RestsAfterAFailureAndKeepsSayingIt) {
  script("* no-libraries\n");
  EXPECT_THAT(complete(), ElementsAre(-1, -1, -1, -1));
  EXPECT_THAT(problems_["npu-smi"], HasSubstr("info -m: exit status 127"));
  script("");
  EXPECT_THAT(complete(), ElementsAre(-1, -1, -1, -1));
  EXPECT_THAT(problems_["npu-smi"], HasSubstr("info -m: exit status 127"));
}

TEST_F(NpuSmiTool, ADeviceThatHangsIsWaitedForOnce) {
  options_.call_limit = std::chrono::seconds(1);
  script("1 hang\n2 hang\n");
  EXPECT_THAT(complete(), ElementsAre(100, -1, -1, -1));
  EXPECT_THAT(problems_["npu-smi"], HasSubstr("-i 0 -c 1: "));
  complete();
  EXPECT_EQ(hung_calls(), 1);
}

TEST_F(NpuSmiTool, OneThatHangsIsWaitedForOnce) {
  options_.call_limit = std::chrono::seconds(1);
  script("* hang\n");
  complete();
  EXPECT_THAT(problems_["npu-smi"], HasSubstr("the driver may hang"));
  complete();
  EXPECT_EQ(hung_calls(), 1);
}

TEST_F(NpuSmiTool, BoundsWhatItReads) {
  script("* flood\n");
  complete();
  EXPECT_THAT(problems_["npu-smi"], HasSubstr("more than 65536 bytes"));
}

}  // namespace
}  // namespace pd::probe
