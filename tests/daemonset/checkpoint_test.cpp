#include "daemonset/sources/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Written by a kubelet v1.36.3: a pod of two containers, and one of one.
constexpr const char* kReal =
    R"({"Data":{"PodDeviceEntries":[{"PodUID":"78c7142c-944e-4920-95db-047cdf362645","ContainerName":"a","ResourceName":"huawei.com/Ascend910","DeviceIDs":{"-1":["Ascend910-7"]},"AllocResp":"ChsKFkFTQ0VORF9WSVNJQkxFX0RFVklDRVMSATcKGgoWQVNDRU5EX1JVTlRJTUVfT1BUSU9OUxIA"},{"PodUID":"78c7142c-944e-4920-95db-047cdf362645","ContainerName":"b","ResourceName":"huawei.com/Ascend910","DeviceIDs":{"-1":["Ascend910-6","Ascend910-4","Ascend910-5"]},"AllocResp":"Ch8KFkFTQ0VORF9WSVNJQkxFX0RFVklDRVMSBTQsNSw2ChoKFkFTQ0VORF9SVU5USU1FX09QVElPTlMSAA=="},{"PodUID":"0fac9373-e6d9-482b-a0a8-26d22c319a41","ContainerName":"main","ResourceName":"huawei.com/Ascend910","DeviceIDs":{"-1":["Ascend910-1","Ascend910-2"]},"AllocResp":"ChoKFkFTQ0VORF9SVU5USU1FX09QVElPTlMSAAodChZBU0NFTkRfVklTSUJMRV9ERVZJQ0VTEgMxLDI="}],"RegisteredDevices":{"huawei.com/Ascend910":["Ascend910-7","Ascend910-0","Ascend910-1","Ascend910-2","Ascend910-3","Ascend910-4","Ascend910-5","Ascend910-6"]}},"Checksum":1244537022})";

// Written by kubelet's own code for odd content: NUMA nodes, empty and null lists, characters that Go escapes.
constexpr const char* kOdd =
    R"({"Data":{"PodDeviceEntries":[{"PodUID":"u-1","ContainerName":"main","ResourceName":"huawei.com/Ascend910","DeviceIDs":{"-1":null,"0":["Ascend910-3","Ascend910-2"],"1":["Ascend910-12"],"10":[]},"AllocResp":null},{"PodUID":"u-2","ContainerName":"main","ResourceName":"cpu.example/x","DeviceIDs":null,"AllocResp":""},{"PodUID":"u-3","ContainerName":"a","ResourceName":"cpu.example/x","DeviceIDs":{},"AllocResp":"AP8QBw=="}],"RegisteredDevices":{"a":null,"b":["x","y"],"c\u003c\u0026\u003e":[]}},"Checksum":2513089274})";

TEST(ParseCheckpoint, ReadsARealOne) {
  const Result<Checkpoint> checkpoint = parse_checkpoint(kReal);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE(checkpoint->verified);
  ASSERT_EQ(checkpoint->entries.size(), 3U);
  EXPECT_EQ(checkpoint->entries[1].pod_uid, "78c7142c-944e-4920-95db-047cdf362645");
  EXPECT_EQ(checkpoint->entries[1].container, "b");
  EXPECT_EQ(checkpoint->entries[1].resource, "huawei.com/Ascend910");
  EXPECT_THAT(checkpoint->entries[1].devices, ElementsAre("Ascend910-4", "Ascend910-5", "Ascend910-6"));
}

TEST(ParseCheckpoint, ReadsWhatKubeletsCodeWritesForOddContent) {
  const Result<Checkpoint> checkpoint = parse_checkpoint(kOdd);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE(checkpoint->verified);
  EXPECT_THAT(checkpoint->entries[0].devices, ElementsAre("Ascend910-12", "Ascend910-2", "Ascend910-3"));
}

TEST(ParseCheckpoint, ReadsEmptyOnes) {
  for (const char* text : {R"({"Data":{"PodDeviceEntries":null,"RegisteredDevices":null},"Checksum":1944006890})",
                           R"({"Data":{"PodDeviceEntries":[],"RegisteredDevices":{}},"Checksum":2932075448})"}) {
    const Result<Checkpoint> checkpoint = parse_checkpoint(text);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    EXPECT_TRUE(checkpoint->verified);
    EXPECT_TRUE(checkpoint->entries.empty());
  }
}

TEST(ParseCheckpoint, RefusesAChecksumThatDiffers) {
  std::string text = kReal;
  text.replace(text.find("Ascend910-7"), 11, "Ascend910-0");
  const Result<Checkpoint> checkpoint = parse_checkpoint(text);
  ASSERT_FALSE(checkpoint);
  EXPECT_THAT(checkpoint.error().message, HasSubstr("/Checksum"));
}

TEST(ParseCheckpoint, ReadsOneOfANewerKubeletByItsShape) {
  const Result<Checkpoint> checkpoint = parse_checkpoint(
      R"({"Data":{"PodDeviceEntries":[{"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"0":["d"]},"AllocResp":"","New":1}],
          "RegisteredDevices":{}},"Checksum":1})");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_FALSE(checkpoint->verified);
  EXPECT_THAT(checkpoint->entries, ElementsAre(CheckpointEntry{"u", "c", "r", {"d"}}));
}

TEST(CheckpointChecksum, KnowsNoOrderOfOneNodeTwice) {
  const char* entry =
      R"({"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"-0":["a"],"0":["b"]},"AllocResp":""})";
  const Json data = {{"PodDeviceEntries", {Json::parse(entry)}}, {"RegisteredDevices", Json::object()}};
  EXPECT_EQ(checkpoint_checksum(data), std::nullopt);
}

TEST(ParseCheckpoint, NamesThePlaceOfWhatIsWrong) {
  const auto problem = [](const std::string& entry) {
    const Result<Checkpoint> checkpoint =
        parse_checkpoint(R"({"Data":{"PodDeviceEntries":[)" + entry + R"(],"New":0},"Checksum":0})");
    return checkpoint ? std::string("none") : checkpoint.error().message;
  };
  EXPECT_THAT(problem("7"), HasSubstr("/Data/PodDeviceEntries/0"));
  EXPECT_THAT(problem(R"({"PodUID":7})"), HasSubstr("/0/PodUID"));
  EXPECT_THAT(problem(R"({"PodUID":""})"), HasSubstr("/0/PodUID"));
  EXPECT_THAT(problem(R"({"PodUID":"a b"})"), HasSubstr("/0/PodUID"));
  EXPECT_THAT(problem(R"({"PodUID":"u","ContainerName":[]})"), HasSubstr("/0/ContainerName"));
  EXPECT_THAT(problem(R"({"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":["d"]})"),
              HasSubstr("/0/DeviceIDs"));
  EXPECT_THAT(problem(R"({"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"0":"d"}})"),
              HasSubstr("/0/DeviceIDs/0"));
  EXPECT_THAT(problem(R"({"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"0":[1]}})"),
              HasSubstr("/0/DeviceIDs/0"));
  EXPECT_THAT(problem(R"({"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"0":["d","d"]}})"),
              HasSubstr("twice"));
}

// Kubelet writes a device that has several NUMA nodes down for each.
TEST(ParseCheckpoint, ADeviceMayBeOfSeveralNumaNodes) {
  const auto checkpoint =
      parse_checkpoint(R"({"Data":{"PodDeviceEntries":[{"PodUID":"u","ContainerName":"c","ResourceName":"r",)"
                       R"("DeviceIDs":{"0":["d","e"],"1":["d"]},"New":1}],"RegisteredDevices":{}},"Checksum":1})");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_THAT(checkpoint->entries, ElementsAre(CheckpointEntry{"u", "c", "r", {"d", "e"}}));
}

TEST(ParseCheckpoint, RefusesOtherDocuments) {
  for (const char* text :
       {"", "null", "[]", "{}", R"({"Data":null})", R"({"Data":[]})", R"({"Data":{}})",
        R"({"Data":{"PodDeviceEntries":{}}})", R"({"Data":{"PodDeviceEntries":[],"RegisteredDevices":{}}})",
        R"({"Data":{"PodDeviceEntries":[],"RegisteredDevices":{}},"Checksum":-1})",
        R"({"Data":{"PodDeviceEntries":[],"RegisteredDevices":{}},"Checksum":"2932075448"})"}) {
    EXPECT_FALSE(parse_checkpoint(text)) << text;
  }
}

// No mutation of a real file may crash, and none that changes what it says may pass.
TEST(ParseCheckpoint, SurvivesMutations) {
  std::mt19937 random(20261124);
  const std::string real = kReal;
  const Result<Checkpoint> original = parse_checkpoint(real);
  ASSERT_TRUE(original);
  for (int round = 0; round < 20000; ++round) {
    std::string text = real;
    for (int i = static_cast<int>(random() % 3); i >= 0; --i) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 20);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 20));
          break;
        default:
          text.resize(at + 1);
          break;
      }
    }
    const Result<Checkpoint> checkpoint = parse_checkpoint(text);
    if (checkpoint && checkpoint->verified) {
      EXPECT_EQ(checkpoint->entries, original->entries) << text;
    }
  }
}

}  // namespace
}  // namespace pd::agent
