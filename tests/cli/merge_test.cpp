#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The merge of two hosts, one of which has the service's entry.
class Merge : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(a_.gen({"--prefill-server-list", "4,5", "--decode-server-list", "6,7", "--api-server"}).status, 0);
    ASSERT_EQ(b_.gen({"--prefill-server-list", "0,1", "--decode-server-list", "2,3"}).status, 0);
  }

  Ran merge(const std::vector<std::string>& files, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"merge", "--save-dir", folder_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.emplace_back("--global-ranktable-list");
    arguments.insert(arguments.end(), files.begin(), files.end());
    return pdctl(arguments);
  }

  void expect_refused(const std::vector<std::string>& files, const std::string& why) const {
    const Ran ran = merge(files);
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr(why));
    EXPECT_THAT(names_in(folder_), IsEmpty());
  }

  // A table of host a that says `change` otherwise.
  template <typename Change>
  std::string changed(const std::string& from, Change change) const {
    OrderedJson table = OrderedJson::parse(content_of(from));
    change(table);
    return a_.write("changed.json", table.dump());
  }

  Host a_{"10.0.0.18", 18};
  Host b_{"10.0.0.19", 19};
  std::string folder_ = a_.path("merged");
  std::string merged_ = folder_ + "/global_ranktable_merge.json";
};

TEST_F(Merge, MakesTheSamplesTable) {
  const Ran ran = merge({a_.global(), b_.global()});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(content_of(merged_),
            OrderedJson::parse(content_of(sample_path("2p2d-global_ranktable_merge.json"))).dump());
  EXPECT_EQ(pdctl({"validate", merged_, a_.local("45"), a_.local("67"), a_.local("host"), b_.local("01")}).status, 0);
}

TEST_F(Merge, KeepsTheOrderOfTheFiles) {
  ASSERT_EQ(merge({b_.global(), a_.global()}).status, 0);
  EXPECT_EQ(json_in(merged_)["server_group_list"][1]["server_list"][0]["server_ip"], "10.0.0.19");
}

TEST_F(Merge, NeedsTwoFiles) {
  const Ran ran = merge({a_.global()});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("at least two files"));
}

TEST_F(Merge, NamesTheFileThatCannotBeRead) {
  expect_refused({a_.global(), a_.path("none.json")}, a_.path("none.json"));
  expect_refused({a_.global(), a_.write("broken.json", "{\"version\"")}, a_.path("broken.json"));
  expect_refused({a_.global(), a_.save_dir()}, a_.save_dir());
}

TEST_F(Merge, RefusesTheSameFileTwice) {
  expect_refused({a_.global(), b_.global(), b_.global()}, "give each table once");
}

TEST_F(Merge, RefusesASecondScheduler) {
  Host c("10.0.0.20", 20);
  ASSERT_EQ(c.gen({"--api-server"}).status, 0);
  expect_refused({a_.global(), b_.global(), c.global()}, "second scheduler");
}

TEST_F(Merge, RefusesADeviceOrAnAddressThatIsThereTwice) {
  ASSERT_EQ(b_.gen({"--prefill-server-list", "0,1", "--force"}).status, 0);
  const std::string same_address = changed(b_.global(), [](OrderedJson& table) {
    table["server_group_list"][0]["server_list"][0]["device"][0]["device_ip"] = "29.81.18.104";
  });
  expect_refused({a_.global(), same_address}, "29.81.18.104");
  const std::string as_decode_too = changed(a_.global(), [](OrderedJson& table) {
    table["server_group_list"].erase(2);
    table["server_group_list"].erase(0);
    table["server_group_list"][0]["group_id"] = "2";
  });
  expect_refused({a_.global(), as_decode_too}, "device 4 of 10.0.0.18");
}

TEST_F(Merge, RefusesATableThatIsNotCompleted) {
  expect_refused({a_.global(), changed(b_.global(), [](OrderedJson& table) { table["status"] = "initializing"; })},
                 "status");
}

TEST_F(Merge, RefusesUnequalSizesUnlessAllowed) {
  ASSERT_EQ(b_.gen({"--prefill-server-list", "0,1,2", "--force"}).status, 0);
  expect_refused({a_.global(), b_.global()}, "same number");
  EXPECT_EQ(merge({a_.global(), b_.global()}, {"--allow-unequal-sizes"}).status, 0);
}

TEST_F(Merge, RefusesAMissingGroupUnlessAllowed) {
  ASSERT_EQ(a_.gen({"--prefill-server-list", "4,5", "--force"}).status, 0);
  expect_refused({a_.global(), b_.global()}, "scheduler");
  ASSERT_EQ(merge({a_.global(), b_.global()}, {"--allow-missing-groups"}).status, 0);
  EXPECT_THAT(json_in(merged_)["server_group_list"], SizeIs(2));
  // The second step.
  Host c("10.0.0.20", 20);
  ASSERT_EQ(c.gen({"--api-server"}).status, 0);
  const Ran whole = pdctl({"merge", "--global-ranktable-list", merged_, c.global(), "--save-dir", a_.path("whole")});
  ASSERT_EQ(whole.status, 0) << whole.err;
  EXPECT_EQ(pdctl({"validate", a_.path("whole/global_ranktable_merge.json")}).status, 0);
}

TEST_F(Merge, DoesNotReplaceItsInputUnlessForced) {
  ASSERT_EQ(b_.gen({"--prefill-server-list", "0,1", "--force"}).status, 0);
  ASSERT_EQ(merge({a_.global(), b_.global()}).status, 0);
  Host c("10.0.0.20", 20);
  ASSERT_EQ(c.gen({"--decode-server-list", "0,1"}).status, 0);
  const std::string before = content_of(merged_);
  const Ran ran = merge({merged_, c.global()});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("which it is made of"));
  EXPECT_EQ(content_of(merged_), before);
  EXPECT_EQ(merge({merged_, c.global()}, {"--force"}).status, 0);
  EXPECT_NE(content_of(merged_), before);
}

TEST_F(Merge, ReplacesItsResultWhenNothingIsLost) {
  ASSERT_EQ(merge({a_.global(), b_.global()}).status, 0);
  EXPECT_EQ(merge({a_.global(), b_.global()}).status, 0);
  Host c("10.0.0.20", 20);
  ASSERT_EQ(c.gen({"--prefill-server-list", "0,1"}).status, 0);
  ASSERT_EQ(merge({a_.global(), b_.global(), c.global()}).status, 0);
  const std::string before = content_of(merged_);
  const Ran ran = merge({a_.global(), b_.global()});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr(merged_ + " lists devices 0,1 of 10.0.0.20, which the new table lacks"));
  EXPECT_EQ(content_of(merged_), before);
  EXPECT_EQ(merge({a_.global(), b_.global()}, {"--force"}).status, 0);
}

TEST_F(Merge, RefusesBracketsAroundFiles) {
  const Ran ran = merge({"[" + a_.global() + "," + b_.global() + "]"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("files are written without them, separated by blanks"));
  EXPECT_EQ(pdctl({"validate", "[a.json]"}).status, 2);
}

TEST_F(Merge, KeepsMembersThatNoLayoutKnows) {
  const std::string with_port = changed(a_.global(), [](OrderedJson& table) {
    table["server_group_list"][1]["server_list"][0]["device"][0]["device_port"] = "16670";
  });
  ASSERT_EQ(merge({with_port, b_.global()}).status, 0);
  EXPECT_EQ(json_in(merged_)["server_group_list"][1]["server_list"][0]["device"][0]["device_port"], "16670");
}

TEST_F(Merge, WritesAnotherLayout) {
  ASSERT_EQ(merge({a_.global(), b_.global()}, {"--profile", "OmniK8s"}).status, 0);
  EXPECT_THAT(json_in(merged_)["server_group_list"], SizeIs(5));
  const Ran judged = pdctl({"validate", merged_});
  EXPECT_EQ(judged.status, 0) << judged.out;
  EXPECT_THAT(judged.out, HasSubstr("valid OmniK8s global table"));
}

TEST_F(Merge, WritesAFileForEachInstanceWhereALayoutHasNoGlobalTable) {
  ASSERT_EQ(merge({a_.global(), b_.global()}, {"--profile", "Hccl10"}).status, 0);
  EXPECT_THAT(names_in(folder_), ElementsAre("local_ranktable_decode-0.json", "local_ranktable_decode-1.json",
                                             "local_ranktable_prefill-0.json", "local_ranktable_prefill-1.json"));
  EXPECT_EQ(pdctl({"validate", "--profile", "Hccl10", folder_ + "/local_ranktable_prefill-1.json"}).status, 0);
  // In another order, the same names are other instances.
  const Ran swapped = merge({b_.global(), a_.global()}, {"--profile", "Hccl10"});
  EXPECT_EQ(swapped.status, 1);
  EXPECT_THAT(swapped.err, HasSubstr("is the table of another instance"));
}

// MindIE's local tables are of another form than those that the inputs came with.
TEST_F(Merge, WritesMindIEsLocalTablesToo) {
  ASSERT_EQ(a_.gen({"--prefill-server-list", "4,5", "--api-server", "--force"}).status, 0);
  ASSERT_EQ(b_.gen({"--decode-server-list", "2,3", "--force"}).status, 0);
  ASSERT_EQ(merge({a_.global(), b_.global()}, {"--profile", "MindIE"}).err, "");
  EXPECT_THAT(names_in(folder_), ElementsAre("global_ranktable_merge.json", "local_ranktable_decode-0.json",
                                             "local_ranktable_prefill-0.json"));
  const Ran judged = pdctl(
      {"validate", merged_, folder_ + "/local_ranktable_prefill-0.json", folder_ + "/local_ranktable_decode-0.json"});
  EXPECT_EQ(judged.status, 0) << judged.out;
  EXPECT_THAT(judged.out, HasSubstr("prefill-0.json: valid MindIE local table"));
}

TEST_F(Merge, KnowsItsProfiles) {
  const Ran ran = merge({a_.global(), b_.global()}, {"--profile", "Nonsense"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("AscendCloud"));
}

TEST_F(Merge, ReadsStandardInput) {
  const Ran ran =
      pdctl({"merge", "--save-dir", folder_, "--global-ranktable-list", "-", b_.global()}, content_of(a_.global()));
  EXPECT_EQ(ran.status, 0) << ran.err;
}

}  // namespace
}  // namespace pd::cli
