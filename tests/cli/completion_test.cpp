#include "tests/cli/fixture.h"
#include "tests/support/child.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

class BashCompletion : public ::testing::Test {
 protected:
  void SetUp() override { script_ = folder_.write("pdctl.bash", pdctl({"completion", "bash"}).out); }

  // What bash offers for the last word of a line.
  std::vector<std::string> offered(const std::string& line) const {
    test::Child bash(
        "/bin/bash",
        {"-c", "cd " + folder_.path() + " && . " + script_ + R"( && COMP_WORDS=()" + line +
                   R"() && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _pdctl && printf '%s\n' "${COMPREPLY[@]}")"});
    std::istringstream lines(bash.rest_of_out());
    EXPECT_EQ(bash.rest_of_err(), "");
    EXPECT_EQ(bash.exit_code(), 0);
    std::vector<std::string> words;
    for (std::string word; std::getline(lines, word);) {
      if (!word.empty()) words.push_back(word);
    }
    std::sort(words.begin(), words.end());
    return words;
  }

  test::TemporaryFolder folder_;
  std::string script_;
};

TEST_F(BashCompletion, IsAcceptedByBash) {
  test::Child bash("/bin/bash", {"-n", script_});
  EXPECT_EQ(bash.rest_of_err(), "");
  EXPECT_EQ(bash.exit_code(), 0);
}

TEST_F(BashCompletion, OffersCommands) {
  EXPECT_THAT(offered("pdctl ''"), IsSupersetOf({"gen", "merge", "merge-all", "merge-local", "validate", "diff",
                                                 "render", "inject", "status", "completion"}));
  EXPECT_THAT(offered("pdctl merge"), ElementsAre("merge", "merge-all", "merge-local"));
}

TEST_F(BashCompletion, OffersOptions) {
  EXPECT_THAT(offered("pdctl gen --p"), ElementsAre("--prefill-server-list", "--pretty"));
  EXPECT_THAT(offered("pdctl gen --prefill-server-list 4,5 --de"), ElementsAre("--decode-server-list"));
  EXPECT_THAT(offered("pdctl validate --list-"), ElementsAre("--list-profiles", "--list-rules"));
}

TEST_F(BashCompletion, OffersChoices) {
  EXPECT_THAT(offered("pdctl diff -o ''"), ElementsAre("json", "table", "yaml"));
  EXPECT_THAT(offered("pdctl merge --profile Omni"), ElementsAre("OmniK8s"));
  EXPECT_THAT(offered("pdctl completion z"), ElementsAre("zsh"));
  EXPECT_THAT(offered("pdctl inject --role ''"), ElementsAre("decode", "prefill", "scheduler"));
}

TEST_F(BashCompletion, OffersModesAndRules) {
  EXPECT_THAT(offered("pdctl --mode ''"), ElementsAre("gen", "merge", "merge-all", "merge-local"));
  EXPECT_THAT(offered("pdctl --m"), ElementsAre("--mode"));
  EXPECT_THAT(offered("pdctl --mode gen --pref"), ElementsAre("--prefill-server-list"));
  EXPECT_THAT(offered("pdctl validate --skip-rule device-i"), ElementsAre("device-ids", "device-ips"));
}

TEST_F(BashCompletion, OffersFilesWhereFilesAreExpected) {
  folder_.write("a table.json", "");
  folder_.write("tables/b.json", "");
  EXPECT_THAT(offered("pdctl validate ''"), ElementsAre("a table.json", "pdctl.bash", "tables"));
  EXPECT_THAT(offered("pdctl validate --skip-rule 7 a"), ElementsAre("a table.json"));
  EXPECT_THAT(offered("pdctl diff x.json tables/"), ElementsAre("tables/b.json"));
  EXPECT_THAT(offered("pdctl merge --global-ranktable-list one.json a"), ElementsAre("a table.json"));
  EXPECT_THAT(offered("pdctl gen --save-dir ''"), ElementsAre("tables"));
  EXPECT_THAT(offered("pdctl render -f a"), ElementsAre("a table.json"));
  EXPECT_THAT(offered("pdctl gen --prefill-server-list ''"), IsEmpty());
}

TEST(Completion, OfZshTellsTheSameWords) {
  const Ran ran = pdctl({"completion", "zsh"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("#compdef pdctl\n"), HasSubstr("--prefill-server-list"), HasSubstr("merge-all)"),
                             HasSubstr("compdef _pdctl pdctl")));
}

TEST(Completion, KnowsTwoShells) {
  EXPECT_EQ(pdctl({"completion", "fish"}).status, 2);
  EXPECT_EQ(pdctl({"completion"}).status, 2);
}

}  // namespace
}  // namespace pd::cli
