#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MergeLocal : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(a_.gen({"--decode-server-list", "0,1", "--api-server"}).status, 0);
    ASSERT_EQ(b_.gen({"--decode-server-list", "0,1", "2,3"}).status, 0);
  }

  Ran merge(const std::vector<std::string>& files, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"merge-local", "--save-dir", folder_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.emplace_back("--local-ranktable-list");
    arguments.insert(arguments.end(), files.begin(), files.end());
    return pdctl(arguments);
  }

  void expect_refused(const std::vector<std::string>& files, const std::string& why) const {
    const Ran ran = merge(files);
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr(why));
    EXPECT_THAT(names_in(folder_), IsEmpty());
  }

  Host a_{"10.0.0.20", 20};
  Host b_{"10.0.0.21", 21};
  std::string folder_ = a_.path("merged");
  std::string merged_ = folder_ + "/local_ranktable_merge.json";
};

// The script writes the count as a number, which HCCL refuses.
TEST_F(MergeLocal, LetsRanksRunOnOverTheHosts) {
  ASSERT_EQ(merge({b_.local("01"), a_.local("01")}).status, 0);
  const Json table = json_in(merged_);
  EXPECT_EQ(table["group_id"], "0");
  EXPECT_EQ(table["server_count"], "2");
  ASSERT_THAT(table["server_list"], SizeIs(2));
  EXPECT_EQ(table["server_list"][0]["server_ip"], "10.0.0.21");
  EXPECT_EQ(table["server_list"][1]["device"][1],
            Json({{"device_id", "1"}, {"device_ip", "29.81.20.101"}, {"rank_id", "3"}}));
  EXPECT_EQ(pdctl({"validate", merged_}).status, 0);
}

TEST_F(MergeLocal, BringsAllHostsOfATableThatWasMerged) {
  Host c("10.0.0.22", 22);
  ASSERT_EQ(c.gen({"--decode-server-list", "0,1"}).status, 0);
  ASSERT_EQ(merge({a_.local("01"), b_.local("01")}).status, 0);
  const Ran ran =
      pdctl({"merge-local", "--local-ranktable-list", merged_, c.local("01"), "--save-dir", a_.path("more")});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json servers = json_in(a_.path("more/local_ranktable_merge.json"))["server_list"];
  ASSERT_THAT(servers, SizeIs(3));
  EXPECT_EQ(servers[2]["device"][1]["rank_id"], "5");
}

TEST_F(MergeLocal, RefusesTheSameTableTwice) {
  expect_refused({a_.local("01"), a_.local("01")}, "give each table once");
}

TEST_F(MergeLocal, RefusesOtherTables) {
  expect_refused({a_.local("01"), b_.global()}, "no local table");
  expect_refused({a_.local("01"), a_.local("host")}, "which has no devices");
}

TEST_F(MergeLocal, NeedsTwoFiles) { EXPECT_EQ(merge({a_.local("01")}).status, 2); }

TEST_F(MergeLocal, DoesNotReplaceAnotherInstancesTable) {
  ASSERT_EQ(merge({a_.local("01"), b_.local("01")}).status, 0);
  EXPECT_EQ(merge({a_.local("01"), b_.local("01")}).status, 0);
  const Ran ran = merge({a_.local("01"), b_.local("23")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("devices 0,1 of 10.0.0.20 and devices 0,1 of 10.0.0.21"));
}

}  // namespace
}  // namespace pd::cli
