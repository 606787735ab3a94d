#include "probe/hccn_tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "tests/probe/fixture.h"

namespace pd::probe {
namespace {

using ::testing::HasSubstr;
using Kind = HccnAnswer::Kind;

HccnAnswer value(const std::string& text) { return {Kind::kValue, text}; }
HccnAnswer unset() { return {Kind::kUnset, {}}; }
HccnAnswer busy() { return {Kind::kBusy, {}}; }

TEST(ParseHccnIp, ReadsTheAddress) {
  EXPECT_EQ(parse_hccn_ip({0, "ipaddr:192.1.45.172\nnetmask:255.255.0.0\n\n"}), value("192.1.45.172"));
  EXPECT_EQ(parse_hccn_ip({0, "ipaddr: 192.1.45.172 \r\nnetmask: 255.255.0.0\r\n"}), value("192.1.45.172"));
}

TEST(ParseHccnIp, TakesTheFirstOfSeveralLinks) {
  EXPECT_EQ(parse_hccn_ip({0, "ipaddr:10.0.0.1\nnetmask:255.0.0.0\nipaddr:10.0.0.2\nnetmask:255.0.0.0\n"}),
            value("10.0.0.1"));
  EXPECT_EQ(
      parse_hccn_ip({13, "ipaddr:10.0.0.2\nnetmask:255.0.0.0\nGet ipconf failed, because no ip was preset there!\n"}),
      value("10.0.0.2"))
      << "another link of the device has no address";
}

TEST(ParseHccnIp, KnowsHowTheToolSaysThatNoneIsSet) {
  EXPECT_EQ(parse_hccn_ip({13, "Get ipconf failed, because no ip was preset there!\n"}), unset());
  EXPECT_EQ(parse_hccn_ip({1, "Get ip failed, because no ip was preset there!\n"}), unset());
  EXPECT_EQ(parse_hccn_ip({0, ""}), unset());
  EXPECT_EQ(parse_hccn_ip({0, "\n"}), unset());
  EXPECT_EQ(parse_hccn_ip({0, "ipaddr:\n"}), unset());
  EXPECT_EQ(parse_hccn_ip({1, ""}).kind, Kind::kBad) << "it failed, and does not say at what";
  EXPECT_EQ(parse_hccn_ip({1, "Get ip failed, ret:-5\n"}).kind, Kind::kBad);
}

TEST(ParseHccnIp, KnowsThatTheToolIsBusyWhateverItsStatus) {
  EXPECT_EQ(parse_hccn_ip({0, "hccn_tool is busy, please try again.\n"}), busy());
  EXPECT_EQ(parse_hccn_ip({1, "hccn_tool is busy, please try again.\n"}), busy());
}

TEST(ParseHccnIp, SaysWhatToDoAboutEachWayToFail) {
  const std::vector<std::tuple<ProcessResult, std::string, std::string>> cases = {
      {{1, "permission denied: pls check this cmd run permission.\n"}, "permission denied", "privileged: true"},
      {{1, "permission denied: only root user is allowed, ret:1 logic_id:0\n"}, "only root user", "runAsUser: 0"},
      {{127, "hccn_tool: error while loading shared libraries: libdrvdsmi_host.so: cannot open shared object file\n"},
       "libdrvdsmi_host.so",
       "LD_LIBRARY_PATH=/usr/local/Ascend/driver/lib64:"},
      {{127, ""}, "exit status 127, no output", "mount /usr/local/Ascend/driver and /usr/local/dcmi"},
      {{3, "The device is not exist!\n"}, "exit status 3", "compare /dev/davinci*"},
      {{4, "The command is not supported on this product.\n"}, "exit status 4", "--source"},
      {{1, "Command execute failed!\n"}, "exit status 1, \"Command execute failed!\"", "run it by hand as root"},
      {{1, "ipaddr:10.0.0.1\n"}, "exit status 1, \"ipaddr:10.0.0.1\"", "run it by hand as root"},
      {{0, "usage: hccn_tool\n"},
       "no line \"ipaddr:\" in its answer (\"usage: hccn_tool\")",
       "version is not known to us"},
      {{0, "ipaddr:-.-.-.-\n"}, "\"-.-.-.-\" is not an address", "set another"},
  };
  for (const auto& [result, wrong, advice] : cases) {
    const HccnAnswer answer = parse_hccn_ip(result);
    EXPECT_EQ(answer.kind, Kind::kBad) << result.output;
    EXPECT_THAT(answer.text, HasSubstr(wrong));
    EXPECT_THAT(answer.text, HasSubstr(advice));
  }
}

TEST(ParseHccnIp, RefusesWhatIsNoAddressOfAPeer) {
  for (const char* text :
       {"ipaddr:999.1.1.1", "ipaddr:10.0.0.1;rm -rf /", "ipaddr:10.0.0", "ipaddr:0.0.0.0", "ipaddr:127.0.0.1",
        "ipaddr:-1", "ipaddr:-.-.-.-", "ipaddr:224.0.0.1", "ipaddr:10.0.0.1 10.0.0.2", "ipaddr:2001:db8::1",
        "Ipaddr:10.0.0.1", "IPADDR:10.0.0.1", "xipaddr:10.0.0.1", "ipaddr=10.0.0.1"}) {
    EXPECT_EQ(parse_hccn_ip({0, text}).kind, Kind::kBad) << text;
  }
}

TEST(ParseHccnIp, SurvivesHostileBytes) {
  const std::string bytes("\0\xff\xfe::ipaddr:\x1b[2J:999.1.1.1\nipaddr\n:\n", 36);
  const HccnAnswer answer = parse_hccn_ip({0, bytes});
  EXPECT_EQ(answer.kind, Kind::kBad);
  for (const char c : answer.text) EXPECT_TRUE(c >= ' ' && c <= '~');
  for (const std::string& text :
       {std::string(":"), std::string("\n\n:\n"), std::string(1 << 16, ':'), std::string(1 << 16, '\0')}) {
    EXPECT_EQ(parse_hccn_ip({0, text}).kind, Kind::kBad);
  }
}

TEST(ParseHccnIpv6, ReadsTheAddressWhichHasColonsItself) {
  EXPECT_EQ(parse_hccn_ipv6({0, "ipv6_address:2001:db8::1\nprefix_length:64\n\n"}), value("2001:db8::1"));
  EXPECT_EQ(parse_hccn_ipv6({13, "Get ipconf failed, because no ip was preset there!\n"}), unset());
  EXPECT_EQ(parse_hccn_ipv6({2, "This device does not support IPV6!\n"}), unset());
  EXPECT_EQ(parse_hccn_ipv6({0, ""}), unset());
  for (const char* text : {"ipv6_address:10.0.0.1", "ipv6_address:::", "ipv6_address:::1",
                           "ipv6_address:2001:db8::1/64", "ipv6_address:ff02::1", "ipaddr:10.0.0.1"}) {
    EXPECT_EQ(parse_hccn_ipv6({0, text}).kind, Kind::kBad) << text;
  }
}

TEST(ParseHccnLink, ReadsTheState) {
  EXPECT_EQ(parse_hccn_link({0, "link status: UP\n"}), value("up"));
  EXPECT_EQ(parse_hccn_link({0, "link status: DOWN\n"}), value("down"));
  EXPECT_EQ(parse_hccn_link({1, "The command is not supported on this product.\n"}), unset());
  EXPECT_EQ(parse_hccn_link({0, "link status: Sideways\n"}).text,
            "unknown link status \"Sideways\"; this driver's version is not known to us");
  EXPECT_EQ(parse_hccn_link({0, "link status UP\n"}).kind, Kind::kBad);
  EXPECT_EQ(parse_hccn_link({0, "Link status: UP\n"}).kind, Kind::kBad);
  EXPECT_EQ(parse_hccn_link({0, ""}).kind, Kind::kBad);
  EXPECT_EQ(parse_hccn_link({0, "vnic link status: UP\nvnic ipaddr: 192.168.2.199\n"}).kind, Kind::kBad);
}

TEST(ParseHccnHealth, ReadsEachStatus) {
  EXPECT_EQ(parse_hccn_health({0, "net health status: Success\n"}), value("ok"));
  for (const char* status :
       {"Socket fail", "Receive timeout", "Unreachable", "Time exceeded", "Fault", "Thread error", "Unknown"}) {
    EXPECT_EQ(parse_hccn_health({0, std::string("net health status: ") + status + "\n"}), value(status));
  }
  EXPECT_EQ(parse_hccn_health({0, "net health status: <script>\n"}).text,
            "unknown net health status \"<script>\"; this driver's version is not known to us");
  EXPECT_EQ(parse_hccn_health({0, "net health status: success\n"}).kind, Kind::kBad);
  EXPECT_EQ(parse_hccn_health({0, "\n"}).kind, Kind::kBad);
}

TEST(ParseHccnHealth, NoDetectionAddressIsNotBadHealth) {
  EXPECT_EQ(parse_hccn_health({0, "net health status: Init\n"}), unset());
  EXPECT_EQ(parse_hccn_health({0, "net health status: Detect ip set\n"}), unset());
}

TEST(HccnValue, SplitsAtTheFirstColon) {
  EXPECT_EQ(hccn_value("a:b:c\n", "a"), "b:c");
  EXPECT_EQ(hccn_value(" a : b \n", "a"), "b");
  EXPECT_EQ(hccn_value("ab:c", "a"), std::nullopt);
  EXPECT_EQ(hccn_value("", ""), std::nullopt);
}

// The source on the imitation of the tool, as a process.
class HccnToolSource : public ::testing::Test {
 protected:
  void SetUp() override {
    conf_ = dir_.write("hccn.conf", conf_of(16));
    setenv("FAKE_HCCN_CONF", conf_.c_str(), 1);
  }
  void TearDown() override { unsetenv("FAKE_HCCN_CONF"); }

  void script(const std::string& lines) { script_ = dir_.write("hccn_tool.script", lines); }

  Result<SourceReading> read(const std::vector<int>& ids) {
    HccnTool tool(io_, runner_, options_);
    return run(io_, tool.read(ids));
  }
  // Devices 0 and 1 as they are read for the last time, by a tool that each of the scripts has spoilt in between.
  Result<SourceReading> read_again(const std::vector<std::string>& scripts) {
    HccnTool tool(io_, runner_, options_);
    Result<SourceReading> last = run(io_, tool.read({0, 1}));
    EXPECT_TRUE(last && last->problems.empty());
    for (const std::string& lines : scripts) {
      script(lines);
      last = run(io_, tool.read({0, 1}));
    }
    std::filesystem::remove(script_);
    return last;
  }

  std::string problem(const SourceReading& reading, int id) {
    const auto found = reading.problems.find(device_subject(id));
    return found == reading.problems.end() ? "" : found->second;
  }

  TempDir dir_;
  std::string conf_;
  std::string script_;
  asio::io_context io_;
  ProcessRunner runner_{io_};
  HccnTool::Options options_{PD_FAKE_HCCN_TOOL, std::chrono::seconds(20), std::chrono::milliseconds(1), 4};
};

TEST_F(HccnToolSource, ReadsSixteenDevices) {
  std::vector<int> ids(16);
  for (int i = 0; i < 16; ++i) ids[static_cast<std::size_t>(i)] = i;
  const Result<SourceReading> reading = read(ids);
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->devices.size(), 16U);
  for (int i = 0; i < 16; ++i) {
    const npu::Device& device = reading->devices[static_cast<std::size_t>(i)];
    EXPECT_EQ(device.id, i);
    EXPECT_EQ(device.ip, "29.81.18." + std::to_string(100 + i));
    EXPECT_EQ(device.link, "up");
    EXPECT_EQ(device.health, "ok");
  }
  EXPECT_TRUE(reading->problems.empty());
}

TEST_F(HccnToolSource, AsksABusyToolAgain) {
  script("* busy 3\n");
  const Result<SourceReading> reading = read({0, 11});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[1].ip, "29.81.18.111");
  EXPECT_TRUE(reading->problems.empty());
}

TEST_F(HccnToolSource, GivesUpOnAToolThatIsAlwaysBusy) {
  script("1 busy 1000\n");
  const Result<SourceReading> reading = read({0, 1});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[0].ip, "29.81.18.100");
  EXPECT_EQ(reading->devices[1].ip, "");
  EXPECT_THAT(problem(*reading, 1), HasSubstr("-i 1 -ip -g: it is busy all the time; look who else runs hccn_tool"));
}

const npu::Device kSecond{.id = 1, .ip = "29.81.18.101", .link = "up", .health = "ok"};

TEST_F(HccnToolSource, WhatItSaidBeforeStandsWhileItIsBusy) {
  for (const char* lines : {"1 busy 1000\n", "* busy 1000\n"}) {
    const Result<SourceReading> reading = read_again({lines});
    ASSERT_TRUE(reading) << lines;
    EXPECT_EQ(reading->devices[1], kSecond) << lines;
    EXPECT_THAT(problem(*reading, 1), HasSubstr("it is busy all the time; look who else runs"));
    EXPECT_THAT(problem(*reading, 1), HasSubstr("; what it said before is used for now"));
  }
}

TEST_F(HccnToolSource, WhatItSaidBeforeStandsWhileItDoesNotComeBack) {
  options_.timeout = std::chrono::seconds(5);
  const Result<SourceReading> reading = read_again({"1 hang\n"});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[1], kSecond);
}

TEST_F(HccnToolSource, AnIpv6AddressStandsAsWell) {
  dir_.write("hccn.conf", "address_0=29.81.18.100\nIPv6address_1=fd00::11\n");
  const Result<SourceReading> reading = read_again({"1 busy 1000\n"});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[1], (npu::Device{.id = 1, .link = "up", .health = "ok", .ipv6 = "fd00::11"}));
}

TEST_F(HccnToolSource, WhatItSaidBeforeStandsForAWhileOnly) {
  options_.remembered = Duration::zero();
  const Result<SourceReading> reading = read_again({"1 busy 1000\n"});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[1].ip, "");
}

TEST_F(HccnToolSource, AnAnswerThatIsNoAddressCountsAtOnceAndForGood) {
  for (const char* lines : {"1 garbage\n", "1 denied\n"}) {
    for (const auto& scripts : {std::vector<std::string>{lines}, std::vector<std::string>{lines, "1 busy 1000\n"}}) {
      const Result<SourceReading> reading = read_again(scripts);
      ASSERT_TRUE(reading) << lines;
      EXPECT_EQ(reading->devices[1].ip, "") << lines;
    }
  }
}

TEST_F(HccnToolSource, ADeviceThatFailsHidesNoOther) {
  script("0 garbage\n1 denied\n2 no-libraries\n");
  const Result<SourceReading> reading = read({0, 1, 2, 3});
  ASSERT_TRUE(reading);
  for (const int id : {0, 1, 2}) EXPECT_EQ(reading->devices[static_cast<std::size_t>(id)].ip, "") << id;
  EXPECT_THAT(problem(*reading, 0), HasSubstr("no line \"ipaddr:\""));
  EXPECT_THAT(problem(*reading, 1), HasSubstr("-i 1 -ip -g: exit status 1, \"permission denied"));
  EXPECT_THAT(problem(*reading, 2), HasSubstr("LD_LIBRARY_PATH"));
  EXPECT_EQ(reading->devices[3].ip, "29.81.18.103");
  EXPECT_EQ(problem(*reading, 3), "");
}

TEST_F(HccnToolSource, SaysHowToSetAnAddress) {
  script("21 dialect 950\n");
  const Result<SourceReading> reading = read({0, 20, 21});
  ASSERT_TRUE(reading);
  for (const int id : {20, 21}) {
    const std::string number = std::to_string(id);
    EXPECT_EQ(problem(*reading, id),
              "no address is set; set one with hccn_tool -i " + number + " -ip -s address IP netmask MASK");
  }
  EXPECT_EQ(reading->devices[1].link, "up");
}

TEST_F(HccnToolSource, AsksForAnIpv6AddressWhereThereIsNoOther) {
  dir_.write("hccn.conf",
             "address_0=29.81.18.100\nIPv6address_0=fd00::10\nIPv6address_1=fd00::11\nIPv6address_2=::1\n");
  const Result<SourceReading> reading = read({0, 1, 2});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[0], (npu::Device{.id = 0, .ip = "29.81.18.100", .link = "up", .health = "ok"}));
  EXPECT_EQ(reading->devices[1], (npu::Device{.id = 1, .link = "up", .health = "ok", .ipv6 = "fd00::11"}));
  EXPECT_EQ(reading->devices[2].ipv6, "");
  EXPECT_EQ(problem(*reading, 0) + problem(*reading, 1), "");
  EXPECT_THAT(problem(*reading, 2), HasSubstr("whether an IPv6 address is can't be read ("));
  EXPECT_THAT(problem(*reading, 2), HasSubstr("-ip -inet6 -g: \"::1\" is not an address"));
}

TEST_F(HccnToolSource, SaysOnceThatALinkIsDown) {
  script("0 link down\n20 link down\n");
  const Result<SourceReading> reading = read({0, 1, 20});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[0].link, "down");
  EXPECT_EQ(reading->devices[0].health, "Fault");
  EXPECT_EQ(problem(*reading, 0),
            "its link is down; look at the cable and the switch port, and at the transceiver with hccn_tool -i 0 "
            "-optical -g");
  EXPECT_EQ(problem(*reading, 1), "");
  EXPECT_THAT(problem(*reading, 20), HasSubstr("MASK; its link is down; "));
}

TEST_F(HccnToolSource, SaysWhatBadHealthMeans) {
  script(
      "0 health Init\n1 health Detect ip set\n2 health Unreachable\n3 health Receive timeout\n4 health Time exceeded\n"
      "5 health Fault\n6 health Socket fail\n7 health Thread error\n8 health Unknown\n9 health Splendid\n");
  const Result<SourceReading> reading = read({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  ASSERT_TRUE(reading);
  const auto health = [&](std::size_t id) { return reading->devices[id].health; };
  for (const int id : {0, 1}) {
    EXPECT_EQ(health(static_cast<std::size_t>(id)), "");
    EXPECT_EQ(problem(*reading, id), "");
  }
  EXPECT_EQ(health(3), "Receive timeout");
  for (const int id : {2, 3, 4}) EXPECT_THAT(problem(*reading, id), HasSubstr("-netdetect -g"));
  EXPECT_THAT(problem(*reading, 5), HasSubstr("its net health is \"Fault\"; look at the transceiver"));
  for (const int id : {6, 7, 8}) EXPECT_THAT(problem(*reading, id), HasSubstr("the check itself does not work"));
  EXPECT_EQ(health(9), "");
  EXPECT_THAT(problem(*reading, 9), HasSubstr("unknown net health status \"Splendid\""));
}

TEST_F(HccnToolSource, BoundsWhatTheToolWrites) {
  script("0 flood\n");
  const Result<SourceReading> reading = read({0, 1});
  ASSERT_TRUE(reading);
  EXPECT_THAT(problem(*reading, 0), HasSubstr("more than 65536 bytes; the driver's tool answers in a few lines"));
}

TEST_F(HccnToolSource, KillsACallThatHangs) {
  script("3 hang\n");
  options_.timeout = std::chrono::milliseconds(300);
  const Result<SourceReading> reading = read({3});
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("did not answer within 300 ms and was killed; the driver may hang"));
  std::ifstream pids(script_ + ".pids");
  int calls = 0;
  for (pid_t pid = 0; pids >> pid; ++calls) EXPECT_EQ(kill(pid, 0), -1) << pid << " is still there";
  EXPECT_EQ(calls, 2);
}

TEST_F(HccnToolSource, SaysThatTheToolIsMissing) {
  options_.path = dir_.path("no_such_tool");
  const Result<SourceReading> reading = read({0});
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code, Code::kNotFound);
  EXPECT_THAT(reading.error().message, HasSubstr("no_such_tool"));
}

TEST_F(HccnToolSource, SaysThatTheToolCannotRun) {
  options_.path = dir_.write("tool", "no program");
  const Result<SourceReading> reading = read({0});
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("cannot run"));
  EXPECT_THAT(reading.error().message, HasSubstr("look at the file's mode"));
}

TEST_F(HccnToolSource, SaysThatTheToolsLoaderIsMissing) {
  options_.path = dir_.write("tool", "#!/no/such/loader\n");
  std::filesystem::permissions(options_.path, std::filesystem::perms::owner_all);
  const Result<SourceReading> reading = read({0});
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("the file is there, but not the loader"));
}

TEST_F(HccnToolSource, GivesTheToolItsLibraries) {
  options_.path = dir_.write("tool", "#!/bin/sh\n[ \"$LD_LIBRARY_PATH\" = /its/own ] && echo ipaddr:29.81.18.100\n");
  std::filesystem::permissions(options_.path, std::filesystem::perms::owner_all);
  options_.only_addresses = true;
  options_.library_path = "/its/own";
  const Result<SourceReading> reading = read({0});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices.at(0).ip, "29.81.18.100");
}

TEST_F(HccnToolSource, NeedsToKnowTheDevices) { EXPECT_FALSE(read({})); }

}  // namespace
}  // namespace pd::probe
