#include "cli/drop_in.h"

#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> spelled(const std::vector<std::string>& words) {
  const Result<std::vector<std::string>> result = with_mode_as_command(words);
  return result ? *result : std::vector<std::string>{"error: " + result.error().message};
}

TEST(DropIn, PutsTheModeInTheCommandsPlace) {
  EXPECT_THAT(spelled({"pdctl", "--mode", "gen", "--api-server"}), ElementsAre("pdctl", "gen", "--api-server"));
  EXPECT_THAT(spelled({"pdctl", "--api-server", "--mode=gen"}), ElementsAre("pdctl", "gen", "--api-server"));
  EXPECT_THAT(spelled({"/opt/pd_ranktable_tools.py", "--save-dir", "d", "--mode", "merge-all"}),
              ElementsAre("/opt/pd_ranktable_tools.py", "merge-all", "--save-dir", "d"));
  EXPECT_THAT(spelled({"pdctl", "--mode", "gen", "--mode", "merge"}), ElementsAre("pdctl", "merge"));
}

TEST(DropIn, LeavesCommandsAlone) {
  EXPECT_THAT(spelled({"pdctl", "validate", "--mode", "x"}), ElementsAre("pdctl", "validate", "--mode", "x"));
  EXPECT_THAT(spelled({"pdctl"}), ElementsAre("pdctl"));
  EXPECT_THAT(spelled({"pdctl", "--help"}), ElementsAre("pdctl", "--help"));
}

TEST(DropIn, NeedsAModeByTheScriptsName) {
  for (const char* name : {"pd_ranktable_tools", "./pd_ranktable_tools.py"}) {
    const Ran ran = run_words({name, "--api-server"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("--mode is missing"));
    EXPECT_EQ(run_words({name, "gen", "--api-server"}).status, 2);
    EXPECT_EQ(run_words({name, "--help"}).status, 0);
    EXPECT_EQ(run_words({name, "--version"}).out, "1.2.3\n");
  }
}

TEST(DropIn, RefusesOtherModes) {
  for (const char* mode : {"validate", "render", ""}) {
    const Ran ran = pdctl({"--mode", mode});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("gen, merge, merge-local or merge-all"));
  }
  EXPECT_EQ(pdctl({"--mode"}).status, 2);
}

// The script reads these tables and then drops them.
TEST(DropIn, RefusesAFlagThatItDoesNotHonour) {
  const Ran ran = pdctl({"--mode", "merge-all", "--api-server-list", "a.json"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("--api-server-list"));
}

TEST(DropIn, ShowsTheModesByTheScriptsName) {
  const Ran ran = run_words({"./pd_ranktable_tools.py", "--help"});
  EXPECT_EQ(ran.status, 0);
  for (const char* mode : {"gen ", "merge ", "merge-local ", "merge-all "}) {
    EXPECT_THAT(ran.out, HasSubstr(std::string("\n  --mode ") + mode));
  }
  EXPECT_THAT(ran.out, ::testing::Not(HasSubstr("completion")));
  EXPECT_THAT(run_words({"pd_ranktable_tools.py", "--mode", "gen", "--help"}).out, HasSubstr("--prefill-server-list"));
}

TEST(DropIn, ShowsTheModesHelp) {
  const Ran ran = pdctl({"--mode", "gen", "--help"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("--prefill-server-list"));
}

}  // namespace
}  // namespace pd::cli
