#include "probe/hccn_tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
}

TEST(ParseHccnIp, KnowsHowTheToolSaysThatNoneIsSet) {
  EXPECT_EQ(parse_hccn_ip({13, "Get ipconf failed, because no ip was preset there!\n"}), unset());
  EXPECT_EQ(parse_hccn_ip({1, "Get ip failed, because no ip was preset there!\n"}), unset());
  EXPECT_EQ(parse_hccn_ip({0, ""}), unset());
  EXPECT_EQ(parse_hccn_ip({0, "ipaddr:\n"}), unset());
}

TEST(ParseHccnIp, KnowsThatTheToolIsBusyWhateverItsStatus) {
  EXPECT_EQ(parse_hccn_ip({0, "hccn_tool is busy, please try again.\n"}), busy());
  EXPECT_EQ(parse_hccn_ip({1, "hccn_tool is busy, please try again.\n"}), busy());
}

TEST(ParseHccnIp, RespectsTheExitStatus) {
  const HccnAnswer answer = parse_hccn_ip({1, "ipaddr:10.0.0.1\n"});
  EXPECT_EQ(answer.kind, Kind::kBad);
  EXPECT_THAT(answer.text, HasSubstr("exit status 1"));
  EXPECT_THAT(parse_hccn_ip({1, "permission denied: run as root\n"}).text, HasSubstr("permission denied"));
}

TEST(ParseHccnIp, RefusesWhatIsNoAddressOfAPeer) {
  for (const char* text : {"ipaddr:999.1.1.1", "ipaddr:10.0.0.1;rm -rf /", "ipaddr:10.0.0", "ipaddr:0.0.0.0",
                           "ipaddr:127.0.0.1", "ipaddr:-1", "ipaddr:224.0.0.1", "ipaddr:10.0.0.1 10.0.0.2",
                           "Ipaddr:10.0.0.1", "xipaddr:10.0.0.1", "ipaddr=10.0.0.1"}) {
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

TEST(ParseHccnLink, ReadsTheState) {
  EXPECT_EQ(parse_hccn_link({0, "link status: UP\n"}), value("up"));
  EXPECT_EQ(parse_hccn_link({0, "link status: DOWN\n"}), value("down"));
  EXPECT_EQ(parse_hccn_link({0, "link status: Sideways\n"}).kind, Kind::kBad);
  EXPECT_EQ(parse_hccn_link({0, "link status UP\n"}).kind, Kind::kBad);
  EXPECT_EQ(parse_hccn_link({0, "vnic link status: UP\nvnic ipaddr: 192.168.2.199\n"}).kind, Kind::kBad);
}

TEST(ParseHccnHealth, ReadsEachStatus) {
  EXPECT_EQ(parse_hccn_health({0, "net health status: Success\n"}), value("ok"));
  for (const char* status : {"Socket fail", "Receive timeout", "Unreachable", "Time exceeded", "Fault", "Init",
                             "Thread error", "Detect ip set", "Unknown"}) {
    EXPECT_EQ(parse_hccn_health({0, std::string("net health status: ") + status + "\n"}), value(status));
  }
  EXPECT_EQ(parse_hccn_health({0, "net health status: <script>\n"}).kind, Kind::kBad);
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
  EXPECT_THAT(problem(*reading, 1), HasSubstr("-i 1 -ip -g: it is busy"));
}

TEST_F(HccnToolSource, ListsADeviceOfGarbageWithoutAddress) {
  script("0 garbage\n2 link down\n");
  const Result<SourceReading> reading = read({0, 1, 2, 20});
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->devices[0].ip, "");
  EXPECT_THAT(problem(*reading, 0), HasSubstr("no line \"ipaddr:\""));
  EXPECT_EQ(reading->devices[1].ip, "29.81.18.101");
  EXPECT_EQ(reading->devices[2].link, "down");
  EXPECT_EQ(reading->devices[2].health, "Fault");
  EXPECT_EQ(reading->devices[3].ip, "");
  EXPECT_THAT(problem(*reading, 20),
              HasSubstr("no address is set; set one with hccn_tool -i 20 -ip -s address IP netmask MASK"));
}

TEST_F(HccnToolSource, BoundsWhatTheToolWrites) {
  script("0 flood\n");
  const Result<SourceReading> reading = read({0, 1});
  ASSERT_TRUE(reading);
  EXPECT_THAT(problem(*reading, 0), HasSubstr("more than 65536 bytes"));
}

TEST_F(HccnToolSource, KillsACallThatHangs) {
  script("3 hang\n");
  options_.timeout = std::chrono::milliseconds(300);
  const Result<SourceReading> reading = read({3});
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("did not answer within "));
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
}

TEST_F(HccnToolSource, NeedsToKnowTheDevices) { EXPECT_FALSE(read({})); }

}  // namespace
}  // namespace pd::probe
