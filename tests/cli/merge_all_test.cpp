#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MergeAll : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(a_.gen({"--prefill-server-list", "4,5", "--decode-server-list", "6,7"}).status, 0);
    ASSERT_EQ(b_.gen({"--prefill-server-list", "0,1", "--decode-server-list", "2,3"}).status, 0);
  }

  Ran merge(const std::vector<std::string>& prefill, const std::vector<std::string>& decode) const {
    std::vector<std::string> arguments = {"merge-all", "--save-dir", folder_, "--prefill-server-list"};
    arguments.insert(arguments.end(), prefill.begin(), prefill.end());
    arguments.emplace_back("--decode-server-list");
    arguments.insert(arguments.end(), decode.begin(), decode.end());
    return pdctl(arguments);
  }

  void expect_refused(const std::vector<std::string>& prefill, const std::vector<std::string>& decode,
                      const std::string& why) const {
    const Ran ran = merge(prefill, decode);
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr(why));
    EXPECT_THAT(names_in(folder_), IsEmpty());
  }

  // One instance's table over several hosts, in the given order.
  std::string spread(const std::string& name, const std::vector<std::string>& locals) const {
    std::vector<std::string> arguments = {"merge-local", "--save-dir", a_.path(name), "--local-ranktable-list"};
    arguments.insert(arguments.end(), locals.begin(), locals.end());
    EXPECT_EQ(pdctl(arguments).status, 0);
    return a_.path(name + "/local_ranktable_merge.json");
  }

  Host a_{"10.0.0.18", 18};
  Host b_{"10.0.0.19", 19};
  std::string folder_ = a_.path("merged");
  std::string merged_ = folder_ + "/global_ranktable_merge.json";
};

TEST_F(MergeAll, MakesAGroupForEachInstance) {
  const std::string decode = spread("decode", {a_.local("67"), b_.local("23")});
  ASSERT_EQ(merge({b_.local("01"), a_.local("45")}, {decode}).status, 0);
  const Json groups = json_in(merged_)["server_group_list"];
  ASSERT_THAT(groups, SizeIs(3));
  EXPECT_EQ(groups[0]["server_list"][0]["server_ip"], "10.0.0.19");
  EXPECT_EQ(groups[2]["group_id"], "2");
  EXPECT_EQ(groups[2]["server_count"], "2");
  EXPECT_EQ(groups[2]["server_list"][1]["device"][0]["rank_id"], "2");
  const Ran judged = pdctl({"validate", merged_, decode, a_.local("45")});
  EXPECT_EQ(judged.status, 0) << judged.out;
  EXPECT_THAT(judged.out, HasSubstr("valid PerInstance global table"));
}

TEST_F(MergeAll, NeedsBothLists) {
  const Ran ran = pdctl({"merge-all", "--save-dir", folder_, "--prefill-server-list", a_.local("45")});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("both --prefill-server-list and --decode-server-list"));
}

// The script drops B of "A,B" in silence.
TEST_F(MergeAll, TakesAPathWithACommaForOnePath) {
  expect_refused({a_.local("45") + "," + b_.local("01")}, {a_.local("67")}, a_.local("45") + "," + b_.local("01"));
}

TEST_F(MergeAll, RefusesAnInstanceAsPrefillAndDecode) {
  const std::string copy = a_.write("copy.json", content_of(a_.local("45")) + "\n");
  expect_refused({a_.local("45")}, {copy}, "give each table once");
  OrderedJson other = OrderedJson::parse(content_of(a_.local("45")));
  other["server_list"][0]["server_id"] = "another";
  expect_refused({a_.local("45")}, {a_.write("copy.json", other.dump())}, "a device serves one instance only");
}

TEST_F(MergeAll, DoesNotReplaceWhatMergeMade) {
  Host c("10.0.0.20", 20);
  ASSERT_EQ(c.gen({"--prefill-server-list", "0,1", "--decode-server-list", "2,3", "--api-server"}).status, 0);
  const Ran made = pdctl({"merge", "--save-dir", folder_, "--global-ranktable-list", c.global(), a_.global()});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string before = content_of(merged_);
  const Ran ran = merge({b_.local("01")}, {b_.local("23")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("devices 4,5,6,7 of 10.0.0.18 and devices 0,1,2,3 of 10.0.0.20"));
  EXPECT_EQ(content_of(merged_), before);
}

TEST_F(MergeAll, RefusesUnequalSizes) {
  ASSERT_EQ(b_.gen({"--decode-server-list", "8,9,10", "--force"}).status, 0);
  expect_refused({a_.local("45")}, {a_.local("67"), b_.local("8910")}, "same number");
}

TEST_F(MergeAll, SpeaksOfTheOrderOnlyWhereThereIsOne) {
  OrderedJson swapped = OrderedJson::parse(content_of(a_.local("45")));
  std::swap(swapped["server_list"][0]["device"][0], swapped["server_list"][0]["device"][1]);
  const Ran ran = merge({a_.write("swapped.json", swapped.dump())}, {a_.local("67")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, ::testing::Not(HasSubstr("by address as text")));
}

// Its reader sorts the hosts of a prefill instance: a local table in another order would disagree with what it does.
TEST_F(MergeAll, RefusesALocalTableWhoseOrderTheReaderWouldChange) {
  Host c("10.0.0.100", 100);
  ASSERT_EQ(c.gen({"--prefill-server-list", "0,1"}).status, 0);
  const std::string unsorted = spread("unsorted", {a_.local("45"), b_.local("01"), c.local("01")});
  expect_refused({unsorted}, {a_.local("67")}, "make this file again with merge-local in that order");
  const std::string sorted = spread("sorted", {a_.local("45"), c.local("01"), b_.local("01")});
  EXPECT_EQ(merge({sorted}, {a_.local("67")}).status, 0);
}

}  // namespace
}  // namespace pd::cli
