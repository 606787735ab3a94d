#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kGlobal = sample_path("1p1d-global_ranktable_10.0.0.18.json");
const std::string kLocal = sample_path("local_ranktable_10.0.0.18_45.json");

class Validate : public ::testing::Test {
 protected:
  std::string changed(const std::string& from, const std::string& pointer, const Json& value) const {
    Json table = json_in(from);
    table[Json::json_pointer(pointer)] = value;
    return folder_.write("changed.json", table.dump());
  }

  test::TemporaryFolder folder_;
};

TEST_F(Validate, NamesTheLayoutOfAValidTable) {
  const Ran ran = pdctl({"validate", kGlobal, kLocal});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, kGlobal + ": valid AscendCloud global table\n" + kLocal + ": valid AscendCloud local table\n");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(Validate, SaysInALineWhatIsWrongAndWhere) {
  const std::string file = changed(kGlobal, "/server_group_list/1/server_list/0/device/1/device_ip", "29.81.18.104");
  const Ran ran = pdctl({"validate", file});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(
      ran.out,
      AllOf(StartsWith(file + ": rule 7 (device-ips) at /server_group_list/1/server_list/0/device/1/device_ip: "),
            ::testing::EndsWith("\n")));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1);
  EXPECT_THAT(ran.err, HasSubstr("was judged as AscendCloud global table"));
}

TEST_F(Validate, LeavesRulesOutByNumberOrName) {
  const std::string file = changed(kGlobal, "/server_group_list/1/server_list/0/device/1/device_ip", "29.81.18.104");
  EXPECT_EQ(pdctl({"validate", "--skip-rule", "7", file}).status, 0);
  EXPECT_EQ(pdctl({"validate", "--skip-rule", "1", "--skip-rule", "device-ips", file}).status, 0);
  EXPECT_EQ(pdctl({"validate", "--skip-rule", "mirror", file}).status, 1);
  for (const char* rule : {"17", "0", "07", "nonsense", ""}) {
    EXPECT_EQ(pdctl({"validate", "--skip-rule", rule, file}).status, 2) << rule;
  }
}

TEST_F(Validate, ComparesLocalTablesWithTheGlobalOne) {
  const std::string other = changed(kLocal, "/server_list/0/device/0/device_id", "3");
  EXPECT_EQ(pdctl({"validate", other}).status, 0);
  const Ran ran = pdctl({"validate", kGlobal, kLocal, other});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("\n" + other + ": rule 9 (mirror) at /server_list"));
}

TEST_F(Validate, SaysThatSeveralGlobalTablesAreNoMeasure) {
  const Ran ran = pdctl({"validate", kGlobal, sample_path("2p2d-global_ranktable_merge.json"), kLocal});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, HasSubstr("exactly one global table"));
}

TEST_F(Validate, JudgesByTheNamedLayout) {
  EXPECT_EQ(pdctl({"validate", "--profile", "AscendCloud", kGlobal}).status, 0);
  EXPECT_EQ(pdctl({"validate", "--profile", "PerInstance", kGlobal}).status, 1);
  EXPECT_EQ(pdctl({"validate", "--profile", "Nonsense", kGlobal}).status, 2);
}

TEST_F(Validate, ReadsStandardInput) {
  const Ran ran = pdctl({"validate", "-"}, content_of(kGlobal));
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "standard input: valid AscendCloud global table\n");
}

TEST_F(Validate, SaysWhichFileCannotBeRead) {
  const Ran ran = pdctl({"validate", folder_.path() + "/none.json", kGlobal, folder_.path()});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("none.json: rule 0 (readable) at /: cannot read"),
                             HasSubstr(kGlobal + ": valid"), HasSubstr(folder_.path() + ": rule 0 (readable)")));
}

TEST_F(Validate, PointsToWhereReadingEnded) {
  const Ran ran =
      pdctl({"validate", "-o", "json", folder_.write("broken.json", R"({"version":"1.0","server_list":[{"a":}]})")});
  EXPECT_EQ(ran.status, 1);
  const Json finding = ran.json()["findings"][0];
  EXPECT_EQ(finding["rule"], 0);
  EXPECT_EQ(finding["name"], "readable");
  EXPECT_EQ(finding["pointer"], "/server_list/0/a");
  EXPECT_THAT(finding["message"], HasSubstr("not JSON at byte"));
}

TEST_F(Validate, SaysWhatHasNoLayout) {
  for (const char* text : {"[]", "{}", "7", R"("text")", "null"}) {
    const Ran ran = pdctl({"validate", "-"}, text);
    EXPECT_EQ(ran.status, 1) << text;
    EXPECT_THAT(ran.out, HasSubstr("rule 0 (readable) at /: ")) << text;
  }
  const Ran initializing = pdctl({"validate", "-"}, R"({"version":"1.0","status":"initializing"})");
  EXPECT_EQ(initializing.status, 1);
  EXPECT_THAT(initializing.out, HasSubstr("rule 16 (status) at /status: "));
}

TEST_F(Validate, JudgesTheSizeOfAllFilesTogether) {
  Json table = json_in(kLocal);
  table["padding"] = Json::array();
  for (int i = 0; i < 150; ++i) table["padding"].push_back(std::string(4000, 'x'));
  const std::string half = folder_.write("half.json", table.dump());
  table["more"] = "another";
  const std::string other = folder_.write("other.json", table.dump());
  EXPECT_THAT(pdctl({"validate", half}).out, ::testing::Not(HasSubstr("(size)")));
  const Ran both = pdctl({"validate", half, other});
  EXPECT_EQ(both.status, 1);
  EXPECT_THAT(both.out, HasSubstr("all files together: rule 15 (size)"));
}

TEST_F(Validate, TellsProgramsTheSame) {
  const std::string file = changed(kLocal, "/status", "soon");
  const Json told = pdctl({"validate", "-o", "json", file, kLocal}).json();
  EXPECT_EQ(told["valid"], false);
  EXPECT_EQ(told["files"][0], Json({{"file", file}, {"valid", false}, {"profile", "AscendCloud"}, {"table", "local"}}));
  EXPECT_EQ(told["files"][1]["valid"], true);
  EXPECT_EQ(told["findings"][0]["file"], file);
  EXPECT_EQ(told["findings"][0]["rule"], 16);
  EXPECT_EQ(told["findings"][0]["pointer"], "/status");
}

TEST_F(Validate, LetsNoControlBytesReachATerminal) {
  const Ran ran =
      pdctl({"validate", "-"},
            R"({"server_list":[{"server_id":"\u001b[2J","\u001b]0;x\u0007":"\u001b[2J"}],"group_id":"\u001b"})");
  EXPECT_EQ(ran.status, 1);
  for (const char c : ran.out + ran.err) EXPECT_TRUE(c == '\n' || (c >= ' ' && c != 0x7f)) << int{c};
}

TEST_F(Validate, ShowsRulesAndProfiles) {
  const Ran rules = pdctl({"validate", "--list-rules"});
  EXPECT_EQ(rules.status, 0);
  EXPECT_EQ(std::count(rules.out.begin(), rules.out.end(), '\n'), 17);
  EXPECT_THAT(rules.out, HasSubstr("\n7     device-ips "));
  EXPECT_EQ(pdctl({"validate", "--list-rules", "-o", "json"}).json()["rules"][6]["name"], "device-ips");
  const Ran profiles = pdctl({"validate", "--list-profiles"});
  EXPECT_EQ(profiles.status, 0);
  EXPECT_THAT(profiles.out, AllOf(HasSubstr("\nAscendCloud "), HasSubstr("\nMindIE ")));
}

TEST_F(Validate, TakesAHostsPartOfATableForWhatItIs) {
  const Host host("10.0.0.18", 18);
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--api-server"}, "no prefill, no decode"},
      {{"--prefill-server-list", "4,5"}, "no scheduler, no decode"},
      {{"--prefill-server-list", "4,5", "--decode-server-list", "6,7"}, "no scheduler"},
      {{"--decode-server-list", "6,7"}, "no scheduler, no prefill"},
      {{"--decode-server-list", "6,7", "--api-server"}, "no prefill"}};
  for (const auto& [arguments, lacks] : cases) {
    std::filesystem::remove_all(host.save_dir());
    ASSERT_EQ(host.gen(arguments).status, 0);
    std::vector<std::string> validate = {"validate"};
    for (const std::string& name : host.saved()) validate.push_back(host.save_dir() + "/" + name);
    const Ran ran = pdctl(validate);
    EXPECT_EQ(ran.status, 0) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr(host.global() + ": valid part of an AscendCloud table: " + lacks +
                                   "; merge it with the other hosts' tables\n"));
    EXPECT_EQ(pdctl({"validate", "--profile", "AscendCloud", host.global()}).status, 1);
  }
}

TEST_F(Validate, DoesNotTakeAPartForValidWhereMoreIsWrong) {
  Json table = json_in(kGlobal);
  table["server_group_list"].erase(0);
  table["server_group_list"][0]["server_list"][0]["device"][0]["device_ip"] = "nonsense";
  const Ran wrong = pdctl({"validate", "-"}, table.dump());
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.out, AllOf(HasSubstr("rule 7 (device-ips)"), ::testing::Not(HasSubstr("(layout)"))));
  table["server_group_list"][0] = table["server_group_list"][1];  // the same group twice
  EXPECT_EQ(pdctl({"validate", "-"}, table.dump()).status, 1);
}

TEST_F(Validate, LeavesHcclTablesWhatTheyAre) {
  const std::string hccl = PD_TEST_DATA "/ranktable/hccl-1.0.json";
  ASSERT_THAT(pdctl({"validate", hccl}).out, HasSubstr(": valid Hccl10 local table"));
  const Ran ran = pdctl({"validate", kGlobal, hccl});
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr(hccl + ": valid Hccl10 local table"));
  EXPECT_THAT(ran.err, HasSubstr(hccl + " was not compared with " + kGlobal));
}

TEST_F(Validate, SaysThatThereAreMoreFindings) {
  Json table = json_in(kLocal);
  const Json server = table["server_list"][0];
  EXPECT_THAT(pdctl({"validate", changed(kLocal, "/status", "soon")}).out, ::testing::Not(HasSubstr("not shown")));
  for (int i = 0; i < 200; ++i) table["server_list"].push_back(server);
  const std::string file = folder_.write("many.json", table.dump());
  EXPECT_THAT(pdctl({"validate", file}).out, ::testing::EndsWith(file + ": further findings are not shown\n"));
  const Json told = pdctl({"validate", "-o", "json", file, kLocal}).json();
  EXPECT_EQ(told["truncated"], true);
  EXPECT_EQ(told["files"][0]["truncated"], true);
  EXPECT_FALSE(told["files"][1].contains("truncated"));
}

TEST_F(Validate, NeedsFiles) { EXPECT_EQ(pdctl({"validate"}).status, 2); }

}  // namespace
}  // namespace pd::cli
