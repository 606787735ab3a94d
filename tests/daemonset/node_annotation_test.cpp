#include "daemonset/sources/node_annotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/probe/fixture.h"

namespace pd::agent {
namespace {

using ::testing::HasSubstr;

TEST(ParseBaseDeviceInfos, ReadsWhatMindClusterWrites) {
  const Result<probe::SourceReading> reading = parse_base_device_infos(
      R"({"Ascend910-11":{"IP":"29.81.18.111","SuperDeviceID":7,"LevelList":[]},"Ascend910-2":{"IP":"29.81.18.102"},)"
      R"("Ascend910-3":{"IP":"fd00::3","SuperDeviceID":-1}})",
      "5");
  ASSERT_TRUE(reading) << reading.error().message;
  ASSERT_EQ(reading->devices.size(), 3U);
  EXPECT_EQ(reading->devices[0], (npu::Device{.id = 2, .ip = "29.81.18.102", .super_pod_id = 5}));
  EXPECT_EQ(reading->devices[1], (npu::Device{.id = 3, .super_pod_id = 5, .ipv6 = "fd00::3"}));
  EXPECT_EQ(reading->devices[2],
            (npu::Device{.id = 11, .ip = "29.81.18.111", .super_device_id = 7, .super_pod_id = 5}));
  EXPECT_TRUE(reading->problems.empty());
}

TEST(ParseBaseDeviceInfos, ADeviceWithoutAnAddressHidesNoOther) {
  const Result<probe::SourceReading> reading = parse_base_device_infos(
      R"({"Ascend910-0":{"IP":""},"Ascend910-1":{"IP":"-1"},"Ascend910-2":{"IP":"127.0.0.1"},"Ascend910-3":[],)"
      R"("Ascend910-4":{"IP":"29.81.18.104"}})");
  ASSERT_TRUE(reading) << reading.error().message;
  EXPECT_EQ(reading->devices.size(), 5U);
  EXPECT_EQ(reading->problems.size(), 4U);
  EXPECT_THAT(reading->problems.at("device 0"), HasSubstr("has no IP of it"));
  EXPECT_THAT(reading->problems.at("device 2"), HasSubstr("127.0.0.1"));
  EXPECT_EQ(reading->devices[4].ip, "29.81.18.104");
}

// So that the next source is asked.
TEST(ParseBaseDeviceInfos, SaysNothingWithoutASingleAddress) {
  const Result<probe::SourceReading> reading =
      parse_base_device_infos(R"({"Ascend910-0":{"IP":""},"Ascend910-1":{"IP":"-1"}})");
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("no device in it has an address: look at mind-cluster's"));
}

// The id is there on an A2, too, and means nothing.
TEST(ParseBaseDeviceInfos, TakesASuperDeviceOnlyInASuperPod) {
  const char* const infos = R"({"Ascend910-0":{"IP":"29.81.18.100","SuperDeviceID":0}})";
  EXPECT_EQ(parse_base_device_infos(infos)->devices[0].super_device_id, std::nullopt);
  EXPECT_EQ(parse_base_device_infos(infos, "-2")->devices[0].super_device_id, std::nullopt);
  EXPECT_EQ(parse_base_device_infos(infos, "5")->devices[0].super_device_id, 0);
}

TEST(ParseBaseDeviceInfos, TakesTheNodesSuperPod) {
  const auto pod_of = [](const char* super_pod) {
    return parse_base_device_infos(R"({"Ascend910-0":{"IP":"29.81.18.100"}})", super_pod)->devices[0].super_pod_id;
  };
  EXPECT_EQ(pod_of("5"), 5);
  EXPECT_EQ(pod_of("0"), 0);
  for (const char* none : {"", "-1", "-2", "five", "5 ", "99999999999999999999"}) {
    EXPECT_EQ(pod_of(none), std::nullopt) << none;
  }
}

TEST(ParseBaseDeviceInfos, RefusesTheRest) {
  for (const char* text : {"", "[]", "{}", "7", R"({"Ascend910-2c-100-1":{"IP":"29.81.18.1"}})", R"({"x":{}})",
                           R"({"Ascend910-0":{"IP":"29.81.18.1"},"davinci0":{"IP":"29.81.18.1"}})"}) {
    const Result<probe::SourceReading> reading = parse_base_device_infos(text);
    ASSERT_FALSE(reading) << text;
    EXPECT_THAT(reading.error().message, HasSubstr("baseDeviceInfos"));
  }
}

TEST(NodeAnnotation, IsThereOnceTheNodeHasIt) {
  NodeAnnotation source;
  EXPECT_FALSE(source.present());
  EXPECT_FALSE(source.learn({{"other", "x"}}));
  EXPECT_TRUE(source.learn({{"baseDeviceInfos", "{}"}}));
  EXPECT_TRUE(source.present());
  EXPECT_FALSE(source.learn({{"baseDeviceInfos", "{}"}}));
  EXPECT_TRUE(source.learn({}));
  EXPECT_FALSE(source.present());
}

TEST(NodeAnnotation, LearnsTheSuperPodBesideIt) {
  NodeAnnotation source;
  EXPECT_FALSE(source.learn({{"superPodID", "5"}})) << "alone it says nothing of a device";
  const std::string infos = R"({"Ascend910-0":{"IP":"29.81.18.100"}})";
  EXPECT_TRUE(source.learn({{"baseDeviceInfos", infos}, {"superPodID", "5"}}));
  EXPECT_FALSE(source.learn({{"baseDeviceInfos", infos}, {"superPodID", "5"}}));
  EXPECT_TRUE(source.learn({{"baseDeviceInfos", infos}, {"superPodID", "6"}}));
  asio::io_context io;
  const Result<probe::SourceReading> reading = probe::run(io, source.read({}));
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[0].super_pod_id, 6);
}

}  // namespace
}  // namespace pd::agent
