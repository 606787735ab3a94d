#include "probe/hccn_conf.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>

#include "tests/probe/fixture.h"

namespace pd::probe {
namespace {

using ::testing::HasSubstr;

TEST(ParseHccnConf, ReadsAddressesAmongTheRest) {
  const Result<SourceReading> reading = parse_hccn_conf(
      "address_0=29.81.18.100\nnetmask_0=255.255.0.0\nnetdetect_0=29.81.18.1\ngateway_0=29.81.18.1\nsend_arp_status_0="
      "1\n"
      "address_1=29.81.18.101\nIPv6address_1=2001:db8::101\nIPv6gateway_1=2001:db8::1\n");
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->devices.size(), 2U);
  EXPECT_EQ(reading->devices[0].ip, "29.81.18.100");
  EXPECT_EQ(reading->devices[0].ipv6, "");
  EXPECT_EQ(reading->devices[1].ipv6, "2001:db8::101");
  EXPECT_TRUE(reading->problems.empty());
}

TEST(ParseHccnConf, TellsDeviceOneFromDeviceTen) {
  const Result<SourceReading> reading =
      parse_hccn_conf("address_10=29.81.18.110\naddress_2=29.81.18.102\naddress_1=29.81.18.101");
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->devices.size(), 3U);
  EXPECT_EQ(reading->devices[0].id, 1);
  EXPECT_EQ(reading->devices[0].ip, "29.81.18.101");
  EXPECT_EQ(reading->devices[1].id, 2);
  EXPECT_EQ(reading->devices[2].id, 10);
  EXPECT_EQ(reading->devices[2].ip, "29.81.18.110");
}

TEST(ParseHccnConf, RefusesAnEmptyOne) {
  for (const char* text : {"", "\n\n", "netmask_0=255.255.0.0\n", "address_=29.81.18.100\n", "address_-1=1.1.1.1\n",
                           "address_01=1.1.1.1\n", "address_99999999999=1.1.1.1\n", "address_300=1.1.1.1\n",
                           "address_0\n", "address_0 =1.1.1.1\n"}) {
    EXPECT_FALSE(parse_hccn_conf(text)) << text;
  }
}

TEST(ParseHccnConf, ListsADeviceOfABadAddressWithoutOne) {
  const Result<SourceReading> reading = parse_hccn_conf(
      "address_0=nonsense\naddress_1=127.0.0.1\naddress_2=2001:db8::1\naddress_3=29.81.18.103\naddress_4=\n");
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->devices.size(), 5U);
  for (const int id : {0, 1, 2, 4}) {
    EXPECT_EQ(reading->devices[static_cast<std::size_t>(id)].ip, "");
    EXPECT_TRUE(reading->problems.contains(device_subject(id)));
  }
  EXPECT_EQ(reading->devices[3].ip, "29.81.18.103");
}

TEST(ParseHccnConf, DoesNotChooseBetweenTwoAddresses) {
  const Result<SourceReading> reading = parse_hccn_conf(
      "address_0=29.81.18.100\naddress_0=29.81.18.200\naddress_0=29.81.18.100\naddress_1=29.81.18.101\naddress_1=29.81."
      "18.101\n");
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[0].ip, "");
  EXPECT_THAT(reading->problems.at("device 0"), HasSubstr("twice, with 29.81.18.100 and 29.81.18.200"));
  EXPECT_EQ(reading->devices[1].ip, "29.81.18.101");
}

TEST(ParseHccnConf, SurvivesHostileBytes) {
  EXPECT_FALSE(parse_hccn_conf(std::string(1 << 16, '=')));
  EXPECT_FALSE(parse_hccn_conf(std::string("address_\0=1.1.1.1", 17)));
  const Result<SourceReading> reading = parse_hccn_conf(std::string("address_0=\xff\0\x1b[2J\naddress_1=1.1.1.1", 32));
  ASSERT_TRUE(reading);
  for (const char c : reading->problems.at("device 0")) EXPECT_TRUE(c >= ' ' && c <= '~');
}

TEST(HccnConfSource, ListsTheNodesDevicesAndNoOthers) {
  const TempDir dir;
  HccnConf conf(dir.write("hccn.conf", conf_of(4)));
  const Result<SourceReading> reading = conf.read_now({1, 12});
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->devices.size(), 2U);
  EXPECT_EQ(reading->devices[0].ip, "29.81.18.101");
  EXPECT_EQ(reading->devices[1].id, 12);
  EXPECT_EQ(reading->devices[1].ip, "");
  EXPECT_THAT(reading->problems.at("device 12"), HasSubstr("no address in"));
}

TEST(HccnConfSource, NamesTheFileThatIsMissingOrEmpty) {
  const TempDir dir;
  EXPECT_FALSE(HccnConf(dir.path("none")).present());
  EXPECT_THAT(HccnConf(dir.path("none")).read_now({}).error().message, HasSubstr(dir.path("none")));
  EXPECT_THAT(HccnConf(dir.write("hccn.conf", "")).read_now({}).error().message, HasSubstr(dir.path("hccn.conf")));
}

// As the driver's tool edits it: emptied, and written under a lock.
TEST(HccnConf, WaitsForWhoEditsIt) {
  const TempDir dir;
  const std::string path = dir.write("hccn.conf", "");
  const int editor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(editor, LOCK_EX), 0);
  asio::io_context io;
  HccnConf conf(path);
  asio::steady_timer edited(io, std::chrono::milliseconds(50));
  edited.async_wait([&](const boost::system::error_code& /*error*/) {
    dir.write("hccn.conf", conf_of(2));
    close(editor);
  });
  const Result<SourceReading> reading = run(io, conf.read({}));
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices.size(), 2U);
}

TEST(HccnConf, DoesNotWaitForAnEditorThatHangs) {
  const TempDir dir;
  const std::string path = dir.write("hccn.conf", conf_of(2));
  const int editor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(editor, LOCK_EX), 0);
  asio::io_context io;
  EXPECT_TRUE(run(io, HccnConf(path).read({})));
  close(editor);
}

}  // namespace
}  // namespace pd::probe
