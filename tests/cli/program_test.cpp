// The real program, as people type it.
#include <sys/stat.h>

#include <chrono>
#include <iostream>
#include <random>

#include "tests/cli/fixture.h"
#include "tests/support/child.h"
#include "tests/support/mutation.h"

namespace pd::cli {
namespace {

using test::Child;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::chrono::seconds kLongEnough(5);  // on a busy machine; milliseconds are usual

// As the kernel tells: a default route, of IPv4 or IPv6.
bool has_way_out() {
  std::ifstream routes("/proc/net/route");
  for (std::string line; std::getline(routes, line);) {
    std::istringstream words(line);
    std::string interface, destination;
    words >> interface >> destination;
    if (destination == "00000000") return true;
  }
  std::ifstream routes6("/proc/net/ipv6_route");
  for (std::string line; std::getline(routes6, line);) {
    if (line.starts_with(std::string(32, '0') + " 00 ") && !line.ends_with(" lo")) return true;
  }
  return false;
}

class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(host_.path("bin"));
    std::filesystem::create_symlink(Child::program("pdctl"), host_.path("bin/pdctl"));
    std::filesystem::create_symlink(Child::program("pdctl"), host_.path("bin/pd_ranktable_tools.py"));
    std::filesystem::create_symlink(PD_FAKE_HCCN_TOOL, host_.path("bin/hccn_tool"));
  }

  // A line in a shell on the host.
  Ran type(const std::string& line) const {
    Child shell("/bin/sh", {"-c", "cd '" + host_.path("") + "' && " + line},
                {"PATH=" + host_.path("bin") + ":/usr/bin:/bin", "FAKE_HCCN_CONF=" + host_.path("hccn.conf")});
    Ran ran;
    ran.out = shell.rest_of_out();
    ran.err = shell.rest_of_err();
    ran.status = shell.exit_code();
    return ran;
  }

  Host host_{"10.0.0.18", 18};
};

TEST_F(Program, DoesWhatTheSeedPageTypes) {
  const Ran gen = type(
      "pdctl --mode gen --prefill-server-list 4,5 --decode-server-list 6,7 --api-server --save-dir ./save_dir --ip "
      "10.0.0.18");
  ASSERT_EQ(gen.status, 0) << gen.err;
  EXPECT_THAT(host_.saved(), ElementsAre("global_ranktable_10.0.0.18.json", "local_ranktable_10.0.0.18_45.json",
                                         "local_ranktable_10.0.0.18_67.json", "local_ranktable_10.0.0.18_host.json"));
  EXPECT_EQ(json_in(host_.global()), json_in(sample_path("1p1d-global_ranktable_10.0.0.18.json")));

  // The page's own file names, commas and all.
  std::filesystem::create_directory(host_.path("ranktable"));
  std::filesystem::rename(host_.global(), host_.path("ranktable/global_ranktable_0.0,0,0.json"));
  Host other("10.0.0.19", 19);
  ASSERT_EQ(other.gen({"--prefill-server-list", "0,1", "--decode-server-list", "2,3"}).status, 0);
  std::filesystem::rename(other.global(), host_.path("ranktable/global_ranktable_1.1.1.1.json"));
  const Ran merge = type(
      "pdctl --mode merge --global-ranktable-list ./ranktable/global_ranktable_0.0,0,0.json "
      "./ranktable/global_ranktable_1.1.1.1.json --save-dir ./save_dir");
  ASSERT_EQ(merge.status, 0) << merge.err;
  EXPECT_EQ(json_in(host_.save_dir() + "/global_ranktable_merge.json"),
            json_in(sample_path("2p2d-global_ranktable_merge.json")));
}

TEST_F(Program, FindsTheHostsAddressUnlessItHasNone) {
  const Ran ran = type(
      "pd_ranktable_tools.py --mode gen --prefill-server-list 4,5 --decode-server-list 6,7 --api-server --save-dir "
      "./save_dir");
  EXPECT_EQ(ran.status, has_way_out() ? 0 : 1) << ran.err;
  if (has_way_out()) {
    EXPECT_THAT(host_.saved(), ::testing::SizeIs(4));
  } else {
    EXPECT_THAT(ran.err, HasSubstr("name it with --ip"));
  }
}

TEST_F(Program, SavesInTheFolderOneIsIn) {
  ASSERT_EQ(type("pdctl gen --ip 10.0.0.18 --api-server").status, 0);
  EXPECT_EQ(type("pdctl validate ./local_ranktable_10.0.0.18_host.json").status, 0);
}

TEST_F(Program, ReadsWhatAnotherProgramWrites) {
  std::filesystem::copy_file(sample_path("1p1d-global_ranktable_10.0.0.18.json"), host_.path("a.json"));
  EXPECT_EQ(type("cat a.json | pdctl validate -").status, 0);
  const Ran ran = type("bash -c 'pdctl diff a.json <(cat a.json)'");
  EXPECT_EQ(ran.status, 0) << ran.err;
}

TEST_F(Program, SaysWhatIsWrongOnStderr) {
  const Ran ran = type("pdctl gen --ip 10.0.0.18 --prefill-server-list 4,x");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("pdctl gen: --prefill-server-list: \"4,x\": \"x\" is no device"));
}

TEST_F(Program, FailsWhenNobodyTakesWhatItPrints) {
  std::filesystem::copy_file(sample_path("1p1d-global_ranktable_10.0.0.18.json"), host_.path("a.json"));
  for (const char* command :
       {"validate a.json", "validate -o json a.json", "validate -o yaml a.json", "completion bash", "--help",
        "diff -o json a.json a.json", "gen --ip 10.0.0.18 --api-server --save-dir save_dir"}) {
    for (const char* nowhere : {" >/dev/full", " >&-"}) {
      const Ran ran = type(std::string("pdctl ") + command + nowhere);
      EXPECT_EQ(ran.status, 1) << command << nowhere;
      EXPECT_THAT(ran.err, HasSubstr(": cannot write to standard output")) << command << nowhere;
    }
  }
}

TEST_F(Program, EndsTheToolWhenItIsEndedItself) {
  host_.write("hccn_tool.script", "4 hang\n");
  const std::string pids = host_.path("hccn_tool.script.pids");
  ASSERT_EQ(mkfifo(pids.c_str(), 0600), 0);  // the imitation tells its pid there, once somebody reads
  Child program("pdctl",
                {"gen", "--ip", "10.0.0.18", "--prefill-server-list", "4", "--hccn-tool", PD_FAKE_HCCN_TOOL,
                 "--save-dir", host_.save_dir()},
                {"FAKE_HCCN_CONF=" + host_.path("hccn.conf")});
  pid_t tool = 0;
  std::ifstream(pids) >> tool;
  ASSERT_GT(tool, 0);
  program.terminate();
  EXPECT_EQ(program.exit_code(), 1);
  EXPECT_THAT(program.rest_of_err(), HasSubstr("pdctl gen: interrupted; nothing was written\n"));
  EXPECT_EQ(kill(tool, 0), -1);
  EXPECT_THAT(host_.saved(), IsEmpty());
}

// Whatever a file holds, the answer is one of two statuses, and where the table is wrong a place is named.
TEST_F(Program, SurvivesMalformedTables) {
  std::vector<std::string> samples;
  for (const std::string& name : names_in(PD_TEST_DATA "/ranktable")) {
    if (name.ends_with(".json")) samples.push_back(content_of(PD_TEST_DATA "/ranktable/" + name));
  }
  ASSERT_GT(samples.size(), 10U);
  std::mt19937 random(20261124);
  std::chrono::steady_clock::duration longest{};
  int malformed = 0;
  for (std::size_t i = 0; malformed < 300; ++i) {
    ASSERT_LT(i, 3000U) << "hardly any of the mutations is malformed";
    const std::string text = test::mutate(samples[i % samples.size()], random);
    const std::string file = host_.write("mutated.json", text);
    const Ran inside = pdctl({"validate", file});
    if (inside.status == 0) continue;  // white space, or another value that is as good
    ++malformed;
    const auto begin = std::chrono::steady_clock::now();
    Child program("pdctl", {"validate", file});
    const std::string out = program.rest_of_out();
    const int status = program.exit_code();
    longest = std::max(longest, std::chrono::steady_clock::now() - begin);
    ASSERT_EQ(status, 1) << text;
    ASSERT_EQ(out, inside.out);
    ASSERT_THAT(out, HasSubstr(") at /")) << text;
  }
  std::cout << "the longest of " << malformed << " runs took "
            << std::chrono::duration_cast<std::chrono::microseconds>(longest).count() << " us\n";
  EXPECT_LT(longest, kLongEnough);
}

TEST_F(Program, SurvivesALargeTableWithoutContent) {
  std::string table =
      R"({"version":"1.0","status":"completed","group_id":"0","server_count":"200000","server_list":[{})";
  for (int i = 1; i < 200000; ++i) table += ",{}";
  host_.write("large.json", table + "]}");
  const auto begin = std::chrono::steady_clock::now();
  const Ran ran = type("pdctl validate large.json");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLongEnough);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("large.json: further findings are not shown\n"));
}

}  // namespace
}  // namespace pd::cli
