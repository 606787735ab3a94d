#include <sys/stat.h>

#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Gen : public ::testing::Test {
 protected:
  void expect_refused(const std::vector<std::string>& arguments, const std::string& why, int status = kRefusedStatus) {
    const Ran ran = host_.gen(arguments);
    EXPECT_EQ(ran.status, status) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(why));
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(host_.saved(), IsEmpty());
  }

  static constexpr int kRefusedStatus = 1;
  static constexpr int kUsageStatus = 2;
  Host host_{"10.0.0.18", 18};
};

TEST_F(Gen, WritesTheSeedPagesFiles) {
  const Ran ran = host_.gen({"--prefill-server-list", "4,5", "--decode-server-list", "6,7", "--api-server"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(host_.saved(), ElementsAre("global_ranktable_10.0.0.18.json", "local_ranktable_10.0.0.18_45.json",
                                         "local_ranktable_10.0.0.18_67.json", "local_ranktable_10.0.0.18_host.json"));
  EXPECT_EQ(json_in(host_.global()), json_in(sample_path("1p1d-global_ranktable_10.0.0.18.json")));
  for (const char* part : {"45", "67", "host"}) {
    EXPECT_EQ(json_in(host_.local(part)),
              json_in(sample_path(std::string("local_ranktable_10.0.0.18_") + part + ".json")));
  }
}

TEST_F(Gen, WritesTheSeedPagesOrderOfKeys) {
  ASSERT_EQ(host_.gen({"--prefill-server-list", "4,5", "--decode-server-list", "6,7", "--api-server"}).status, 0);
  const auto compact = [](const std::string& path) { return OrderedJson::parse(content_of(path)).dump(); };
  EXPECT_EQ(content_of(host_.global()), compact(sample_path("1p1d-global_ranktable_10.0.0.18.json")));
  EXPECT_EQ(content_of(host_.local("67")), compact(sample_path("local_ranktable_10.0.0.18_67.json")));
}

TEST_F(Gen, WritesForPeopleWhenAsked) {
  ASSERT_EQ(host_.gen({"--prefill-server-list", "4,5", "--pretty"}).status, 0);
  EXPECT_THAT(content_of(host_.global()),
              AllOf(HasSubstr("{\n    \"version\": \"1.0\",\n"), ::testing::EndsWith("}\n")));
}

TEST_F(Gen, WritesFilesThatTheGroupMayRead) {
  const mode_t mask = umask(0077);
  ASSERT_EQ(host_.gen({"--api-server"}).status, 0);
  umask(mask);
  struct stat facts {};
  ASSERT_EQ(stat(host_.global().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0640U);
}

TEST_F(Gen, MakesTheGroupsThatAreAskedForOnly) {
  ASSERT_EQ(host_.gen({"--decode-server-list", "6,7"}).status, 0);
  EXPECT_THAT(host_.saved(), ElementsAre("global_ranktable_10.0.0.18.json", "local_ranktable_10.0.0.18_67.json"));
  const Json groups = json_in(host_.global())["server_group_list"];
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0]["group_id"], "2");
}

TEST_F(Gen, KeepsTheOrderOfDevicesAndInstances) {
  ASSERT_EQ(host_.gen({"--prefill-server-list", "10,2", "1,0"}).status, 0);
  const Json servers = json_in(host_.global())["server_group_list"][0]["server_list"];
  ASSERT_THAT(servers, SizeIs(2));
  EXPECT_EQ(servers[0]["device"][0], Json({{"device_id", "10"}, {"device_ip", "29.81.18.110"}, {"rank_id", "0"}}));
  EXPECT_EQ(servers[0]["device"][1]["device_id"], "2");
  EXPECT_EQ(servers[1]["device"][0]["device_id"], "1");
  EXPECT_EQ(json_in(host_.local("10"))["server_list"][0]["device"][0]["device_id"], "1");
}

TEST_F(Gen, LetsPrefillAndDecodeBeOfDifferentSizes) {
  EXPECT_EQ(host_.gen({"--prefill-server-list", "0,1", "--decode-server-list", "2", "3"}).status, 0);
}

TEST_F(Gen, NamesFilesOfAnIPv6HostWithoutColons) {
  const Ran once = pdctl({"gen", "--ip", "2001:DB8:0::18", "--api-server", "--save-dir", host_.save_dir()});
  ASSERT_EQ(once.status, 0) << once.err;
  EXPECT_THAT(host_.saved(),
              ElementsAre("global_ranktable_2001-db8--18.json", "local_ranktable_2001-db8--18_host.json"));
  EXPECT_EQ(json_in(host_.save_dir() +
                    "/global_ranktable_2001-db8--18.json")["server_group_list"][0]["server_list"][0]["server_ip"],
            "2001:db8::18");
}

TEST_F(Gen, AsksForTheGivenDevicesOnly) {
  host_.write("hccn_tool.script", "* busy 1\n");  // leaves a file for each device that was asked for
  ASSERT_EQ(host_.gen({"--prefill-server-list", "3", "11"}).status, 0);
  for (int id = 0; id < 16; ++id) {
    EXPECT_EQ(std::filesystem::exists(host_.path("hccn_tool.script." + std::to_string(id) + ".calls")),
              id == 3 || id == 11)
        << id;
  }
}

// The script passes them on to a shell.
TEST_F(Gen, RefusesWhatIsNoDevice) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"x", "\"x\" is no device; devices are numbers from 0 to 15: 4,5"},
      {"4,", "it ends with a comma; write 4,5 without a blank"},
      {",4", "nothing before a comma"},
      {"4,,5", "nothing before a comma"},
      {" 5", "\" 5\" is no device; write 4,5 without a blank, not 4, 5"},
      {"4, 5", "\" 5\" is no device; write 4,5 without a blank, not 4, 5"},
      {"4,05", "\"4,05\": \"05\" is no device; write 5"},
      {"+4", "is no device"},
      {"4;reboot", "is no device"},
      {"16", "--prefill-server-list: \"16\" is no device: it is above 15"},
      {"99999999999", "it is above 15"},
      {"0x4", "is no device"},
      {"", "it is empty"},
      {"$(id)", "is no device"},
      {"4.0", "is no device"}};
  for (const auto& [ids, why] : cases) expect_refused({"--prefill-server-list", ids}, why, kUsageStatus);
  expect_refused({"--decode-server-list", "-1"}, "--decode-server-list: \"-1\"", kUsageStatus);
}

TEST_F(Gen, RefusesADeviceThatIsUsedTwice) {
  expect_refused({"--prefill-server-list", "4,5", "--decode-server-list", "5,6"}, "device 5 is named twice",
                 kUsageStatus);
  expect_refused({"--prefill-server-list", "4,4"}, "device 4 is named twice", kUsageStatus);
}

// The script measures the prefill list when it checks decode.
TEST_F(Gen, RefusesInstancesOfOneRoleOfDifferentSizes) {
  expect_refused({"--prefill-server-list", "0,1", "2,3,4"}, "the prefill instances 0,1 and 2,3,4", kUsageStatus);
  expect_refused({"--prefill-server-list", "0,1", "--decode-server-list", "2,3", "4,5,6"},
                 "the decode instances 2,3 and 4,5,6", kUsageStatus);
}

TEST_F(Gen, RefusesInstancesThatWouldShareAFile) {
  expect_refused({"--prefill-server-list", "1,12", "11,2"}, "would share one file name, ..._112.json", kUsageStatus);
  expect_refused({"--prefill-server-list", "1,0", "--decode-server-list", "10"}, "would share one file name",
                 kUsageStatus);
}

TEST_F(Gen, NeedsSomethingToDo) { expect_refused({}, "at least one of", kUsageStatus); }

TEST_F(Gen, RefusesALoopbackAddress) {
  for (const char* ip : {"127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "localhost", "10.0.0", "fe80::1"}) {
    const Ran ran = pdctl({"gen", "--ip", ip, "--api-server", "--save-dir", host_.save_dir()});
    EXPECT_EQ(ran.status, 2) << ip;
    EXPECT_THAT(ran.err, HasSubstr("--ip"));
  }
  EXPECT_THAT(host_.saved(), IsEmpty());
}

TEST_F(Gen, NamesTheDeviceThatHasNoAddress) {
  host_.write("hccn.conf", "address_4=29.81.18.104\n");
  expect_refused({"--prefill-server-list", "4,5", "--decode-server-list", "6,7"}, "device 5: no address is set");
  expect_refused({"--prefill-server-list", "4,5", "--decode-server-list", "6,7"},
                 "pdctl gen: device 7: no address is set; set one with");
}

// The script ignores the tool's exit status and takes the first line for an address.
TEST_F(Gen, NamesTheDeviceThatTheToolCannotReadOut) {
  host_.write("hccn_tool.script", "5 garbage\n");
  expect_refused({"--prefill-server-list", "4,5"}, "device 5: ");
  const std::string tool = host_.write("tool", "#!/bin/sh\necho ipaddr:29.81.18.104\nexit 1\n");
  std::filesystem::permissions(tool, std::filesystem::perms::owner_all);
  const Ran ran = pdctl(
      {"gen", "--ip", "10.0.0.18", "--prefill-server-list", "4", "--hccn-tool", tool, "--save-dir", host_.save_dir()});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("-i 4 -ip -g: exit status 1"), HasSubstr("by hand as root")));
}

TEST_F(Gen, NamesDevicesThatHaveTheSameAddress) {
  host_.write("hccn.conf", "address_4=29.81.18.104\naddress_5=29.81.18.104\n");
  expect_refused({"--prefill-server-list", "4", "5"}, "device 5 has the same address as device 4, 29.81.18.104");
}

TEST_F(Gen, ReadsTheConfigurationWhenToldTo) {
  const Ran ran = pdctl({"gen", "--ip", "10.0.0.18", "--prefill-server-list", "4,5", "--decode-server-list", "6,7",
                         "--api-server", "--hccn-conf", host_.path("hccn.conf"), "--save-dir", host_.save_dir()});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(json_in(host_.global()), json_in(sample_path("1p1d-global_ranktable_10.0.0.18.json")));
  const Ran lacking = pdctl({"gen", "--ip", "10.0.0.18", "--prefill-server-list", "4", "--hccn-conf",
                             host_.write("short.conf", "address_1=29.81.18.101\n"), "--save-dir", host_.save_dir()});
  EXPECT_EQ(lacking.status, 1);
  EXPECT_THAT(lacking.err, HasSubstr("device 4: no address in "));
}

TEST_F(Gen, ReplacesTheSameInstancesTables) {
  ASSERT_EQ(host_.gen({"--prefill-server-list", "4,5"}).status, 0);
  host_.write("hccn.conf", "address_4=29.81.18.204\naddress_5=29.81.18.205\n");
  const Ran again = host_.gen({"--prefill-server-list", "4,5", "-o", "json"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.json()["files"][1]["done"], "replaced");
  EXPECT_EQ(json_in(host_.local("45"))["server_list"][0]["device"][0]["device_ip"], "29.81.18.204");
}

TEST_F(Gen, DoesNotReplaceAnotherInstancesTableUnlessForced) {
  ASSERT_EQ(host_.gen({"--prefill-server-list", "1,12"}).status, 0);
  const std::string before = content_of(host_.local("112")) + content_of(host_.global());
  const Ran ran = host_.gen({"--prefill-server-list", "11,2"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("is the table of another instance (devices 1,12 of 10.0.0.18)"),
                    HasSubstr(host_.global() + " lists devices 1,12 of 10.0.0.18, which the new table lacks")));
  EXPECT_EQ(content_of(host_.local("112")) + content_of(host_.global()), before);
  EXPECT_EQ(host_.gen({"--prefill-server-list", "11,2", "--force"}).status, 0);
  EXPECT_NE(content_of(host_.local("112")) + content_of(host_.global()), before);
}

TEST_F(Gen, DoesNotReplaceWhatIsNoTable) {
  std::filesystem::create_directory(host_.save_dir());
  std::ofstream(host_.local("45")) << "shopping list\n";
  EXPECT_EQ(host_.gen({"--prefill-server-list", "4,5"}).status, 1);
  EXPECT_EQ(content_of(host_.local("45")), "shopping list\n");
  EXPECT_THAT(host_.saved(), SizeIs(1));
}

TEST_F(Gen, DoesNotReplaceAGlobalTableThatListsMoreUnlessForced) {
  ASSERT_EQ(host_.gen({"--prefill-server-list", "4,5", "--api-server"}).status, 0);
  const std::string before = content_of(host_.global());
  const std::vector<std::string> others = {"--decode-server-list", "6,7"};
  const Ran ran = host_.gen(others);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("lists devices 4,5 of 10.0.0.18 and the scheduler 10.0.0.18, which the new"),
                             HasSubstr("--force")));
  EXPECT_EQ(content_of(host_.global()), before);
  EXPECT_THAT(host_.saved(), SizeIs(3));
  EXPECT_EQ(host_.gen({"--decode-server-list", "6,7", "--force"}).status, 0);
  EXPECT_EQ(host_.gen({"--prefill-server-list", "4,5", "--decode-server-list", "6,7"}).status, 0);
}

TEST_F(Gen, DoesNotReplaceAGlobalOrHostFileThatIsNoTable) {
  std::filesystem::create_directory(host_.save_dir());
  for (const std::string& path : {host_.global(), host_.local("host")}) {
    for (const char* content : {"shopping list\n", "{}", "", R"({"server_list":[]})"}) {
      std::ofstream(path) << content;
      const Ran ran = host_.gen({"--api-server"});
      EXPECT_EQ(ran.status, 1) << path << content;
      EXPECT_THAT(ran.err, HasSubstr(path + " is there and is no "));
      EXPECT_EQ(content_of(path), content);
    }
    EXPECT_EQ(host_.gen({"--api-server", "--force"}).status, 0);
    EXPECT_EQ(host_.gen({"--api-server"}).status, 0);
    std::filesystem::remove(path);
  }
}

// CLI11 takes brackets for a list of two instances.
TEST_F(Gen, RefusesBrackets) {
  expect_refused({"--prefill-server-list", "[4,5]"},
                 "--prefill-server-list: \"[4,5]\" has brackets around it; it is written without brackets: 4,5",
                 kUsageStatus);
  expect_refused({"--decode-server-list=[4,5]"}, "without brackets: 4,5", kUsageStatus);
  expect_refused({"--prefill-server-list", "4,5", "[6,7]"}, "without brackets: 6,7", kUsageStatus);
}

TEST_F(Gen, SaysWhatItWrote) {
  const Ran ran = host_.gen({"--prefill-server-list", "4,5", "-o", "json"});
  ASSERT_EQ(ran.status, 0);
  const Json expected = {
      {"files",
       {{{"path", host_.global()}, {"table", "global"}, {"done", "created"}},
        {{"path", host_.local("45")}, {"table", "local"}, {"instance", "prefill 4,5"}, {"done", "created"}}}}};
  EXPECT_EQ(ran.json(), expected);
}

}  // namespace
}  // namespace pd::cli
