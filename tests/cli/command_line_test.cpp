#include "cli/command_line.h"

#include "cli/answer.h"
#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::vector<std::string> kCommands = {"gen",      "merge", "merge-local", "merge-all",
                                            "validate", "diff",  "completion"};

TEST(CommandLine, HasAnExampleAndTheExitStatusesInEachHelp) {
  for (const std::string& command : kCommands) {
    const Ran ran = pdctl({command, "--help"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.out, AllOf(HasSubstr("Example:\n  "), HasSubstr("pdctl " + command), HasSubstr("Exits with 0"),
                               HasSubstr("--output"), HasSubstr("Write")))
        << command;
    EXPECT_THAT(ran.err, IsEmpty());
  }
}

TEST(CommandLine, ListsTheCommandsThatThereAre) {
  const Ran ran = pdctl({"--help"});
  EXPECT_EQ(ran.status, 0);
  for (const std::string& command : kCommands) EXPECT_THAT(ran.out, HasSubstr("\n  " + command + " "));
}

TEST(CommandLine, SaysInTheHelpWhatBecomesOfFiles) {
  for (const char* command : {"gen", "merge", "merge-local", "merge-all"}) {
    EXPECT_THAT(pdctl({command, "--help"}).out,
                AllOf(HasSubstr("a symbolic link by a file"), HasSubstr("0640"), HasSubstr("chgrp")));
  }
  EXPECT_THAT(pdctl({"--help"}).out, AllOf(HasSubstr("in diff a table that can't be read"), HasSubstr("word python")));
}

TEST(CommandLine, WithoutAClusterNamesNoCommandThatNeedsOne) {
  const Edition any_linux = {"1.2.3"};
  const Ran help = run_words({"pdctl", "--help"}, "", any_linux);
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, AllOf(Not(HasSubstr("status ")), HasSubstr("runs on any Linux"), HasSubstr("\n  gen ")));
  EXPECT_THAT(run_words({"pdctl", "completion", "bash"}, "", any_linux).out, Not(HasSubstr("kubeconfig")));
  const Ran ran = run_words({"pdctl", "status", "qwen"}, "", any_linux);
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("the pdctl in pd-operator's image has the command status"));
}

TEST(CommandLine, TellsItsVersion) { EXPECT_EQ(pdctl({"--version"}).out, "1.2.3\n"); }

TEST(CommandLine, ExitsWithTwoForWhatItDoesNotUnderstand) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"nonsense"},
                                             {"gen", "--nonsense"},
                                             {"gen", "--prefill-server-list"},
                                             {"gen", "extra"},
                                             {"gen", "--api-server", "-o", "xml"},
                                             {"gen", "--hccn-tool", "a", "--hccn-conf", "b"},
                                             {"merge"},
                                             {"diff", "a", "b", "c"}}) {
    const Ran ran = pdctl(arguments);
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, AllOf(HasSubstr("pdctl"), HasSubstr("--help\n")));
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
  }
}

TEST(CommandLine, NamesTheWordThatItDoesNotKnow) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"gne"}, "pdctl: there is no command gne; did you mean gen? See pdctl --help"},
      {{"nonsense"}, "pdctl: there is no command nonsense; there are gen, merge, "},
      {{"gen", "--prefil-server-list", "4,5"},
       "pdctl gen: there is no flag --prefil-server-list; did you mean --prefill-server-list?"},
      {{"merge", "--save-dri", "x"}, "pdctl merge: there is no flag --save-dri; did you mean --save-dir?"},
      {{"gen", "-ip", "10.0.0.18"}, "pdctl gen: there is no flag -ip; did you mean --ip?"},
      {{"gen", "--mode", "gen"}, "pdctl gen: --mode is another way to name the command"},
      {{"--verson"}, "pdctl: there is no flag --verson; did you mean --version?"},
      {{"--mode", "gne"}, "did you mean gen?"}};
  for (const auto& [arguments, complaint] : cases) {
    const Ran ran = pdctl(arguments);
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(complaint));
  }
}

TEST(CommandLine, TakesNoFlagForAValue) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"gen", "--save-dir", "--prefill-server-list", "4"}, "--save-dir needs a value"},
      {{"gen", "--ip", "--hccn-tool", "X"}, "--ip needs a value"},
      {{"gen", "--api-server", "--ip"}, "--ip needs a value"},
      {{"gen", "--ip="}, "--ip needs a value"},
      {{"gen", "--prefill-server-list", "-o", "json"}, "--prefill-server-list needs a value"},
      {{"gen", "--api-server", "-o"}, "-o needs a value"},
      {{"merge", "--global-ranktable-list", "--save-dir", "m2"}, "--global-ranktable-list needs a value"},
      {{"--mode"}, "--mode needs a value"},
      {{"--mode", "--api-server"}, "--mode needs a value"}};
  for (const auto& [arguments, complaint] : cases) {
    const Ran ran = pdctl(arguments);
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(complaint));
    EXPECT_FALSE(std::filesystem::exists("--prefill-server-list"));
  }
}

TEST(CommandLine, ShowsTheHelpForHelp) {
  EXPECT_EQ(pdctl({"help"}).out, pdctl({"--help"}).out);
  EXPECT_EQ(pdctl({"help", "gen"}).out, pdctl({"gen", "--help"}).out);
  EXPECT_EQ(pdctl({"help", "gne"}).status, 2);
}

TEST(CommandLine, IsAPluginOfKubectlToo) {
  EXPECT_THAT(run_words({"/usr/bin/kubectl-pd", "diff"}).err, StartsWith("kubectl pd diff: "));
  EXPECT_THAT(run_words({"kubectl-pd", "--help"}).out, HasSubstr("kubectl pd"));
}

TEST(CommandLine, SpeaksYaml) {
  const Ran ran = pdctl({"validate", "-o", "yaml", "-"}, content_of(sample_path("local_ranktable_10.0.0.18_45.json")));
  EXPECT_EQ(
      ran.out,
      "valid: true\nfiles:\n  - file: standard input\n    valid: true\n    profile: AscendCloud\n    table: local\n"
      "findings: []\n");
}

TEST(Print, AlignsColumns) {
  EXPECT_THAT(columns({{"A", "LONGER", "C"}, {"aaa", "b", ""}, {"", "", "c"}}),
              ElementsAre("A    LONGER  C", "aaa  b", "             c"));
}

TEST(Print, LetsNoControlCharacterReachATerminal) {
  std::ostringstream out;
  std::ostringstream err;
  print({.status = 0, .lines = {"a\x1b[2J\n\xc2\x9b é"}, .value = {}, .complaints = {"b\x7f"}}, Format::kTable, "pdctl",
        out, err);
  EXPECT_EQ(out.str(), "a\\x1b[2J\\x0a\xc2\\x9b é\n");
  EXPECT_EQ(err.str(), "pdctl: b\\x7f\n");
}

TEST(Print, QuotesTextsInYaml) {
  std::ostringstream out;
  std::ostringstream err;
  Answer answer;
  answer.value = {{"version", "1.0"}, {"number", 7}, {"text", "no"}, {"nothing", nullptr}, {"bytes", "\xff\x1b"}};
  print(answer, Format::kYaml, "pdctl", out, err);
  EXPECT_EQ(out.str(), "version: \"1.0\"\nnumber: 7\ntext: \"no\"\nnothing: ~\nbytes: \"\xef\xbf\xbd\\x1b\"\n");
}

}  // namespace
}  // namespace pd::cli
