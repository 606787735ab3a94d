#include "daemonset/sources/static_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::agent {
namespace {

TEST(ParseStaticFile, ReadsTheAnnotationsDevices) {
  const Result<probe::SourceReading> reading = parse_static_file(
      R"({"devices":[{"id":11,"ip":"29.81.18.111","super_device_id":7},{"id":2,"ip":"29.81.18.102"}]})");
  ASSERT_TRUE(reading) << reading.error().message;
  ASSERT_EQ(reading->devices.size(), 2U);
  EXPECT_EQ(reading->devices[0].id, 2);
  EXPECT_EQ(reading->devices[1].super_device_id, 7);
}

TEST(ParseStaticFile, ADeviceNeedsAnAddressOfEitherFamily) {
  const Result<probe::SourceReading> reading =
      parse_static_file(R"({"devices":[{"id":0,"ipv6":"fd00::10"},{"id":1}]})");
  ASSERT_TRUE(reading) << reading.error().message;
  EXPECT_EQ(reading->devices[0].ipv6, "fd00::10");
  ASSERT_EQ(reading->problems.size(), 1U);
  EXPECT_EQ(reading->problems.begin()->first, "device 1");
}

TEST(ParseStaticFile, RefusesTheRest) {
  for (const char* text :
       {"", "[]", "{}", R"({"devices":{}})", R"({"devices":[]})", R"({"devices":[{"id":"0"}]})",
        R"({"devices":[{"id":0,"ip":"x"}]})", R"({"devices":[{"id":0,"ip":"29.81.18.1"},{"id":0,"ip":"29.81.18.2"}]})",
        "{\"devices\":[{\"id\":0,\"ip\":\"\xff\"}]}"}) {
    EXPECT_FALSE(parse_static_file(text)) << text;
  }
}

}  // namespace
}  // namespace pd::agent
