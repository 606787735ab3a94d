// The real program: exit codes, and what it says where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gate/mounted_directory.h"
#include "tests/support/child.h"

namespace pd::gate {
namespace {

using test::Child;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<std::string> wait_arguments(const MountedDirectory& directory, const std::string& timeout) {
  return {"wait", "--dir", directory.path(), "--address", kPodAddress, "--timeout", timeout};
}

TEST(GateWait, ExitsWithZeroWhenTheTableArrives) {
  MountedDirectory directory;
  Child gate("pd-gate", wait_arguments(directory, "60s"));
  EXPECT_THAT(gate.out_line(), StartsWith("pd-gate: waiting: global_ranktable.json is not in "));
  directory.publish(initializing_files("0", ""));
  EXPECT_THAT(gate.out_line(), HasSubstr("still initializing"));
  directory.publish(prefill_files("1", "1"));
  EXPECT_EQ(gate.out_line(), "pd-gate: the ranktable of generation 1 is complete");
  EXPECT_EQ(gate.exit_code(), 0);
  EXPECT_THAT(gate.rest_of_err(), IsEmpty());
}

TEST(GateWait, ExitsWithOneAndOneLineWhenItDoesNot) {
  MountedDirectory directory;
  directory.publish(prefill_files("7", ""));
  Child gate("pd-gate", wait_arguments(directory, "30ms"));
  EXPECT_EQ(gate.exit_code(), 1);
  EXPECT_EQ(gate.rest_of_err(),
            "pd-gate: no table after 30ms: expected_generation is empty: no published table lists this pod yet\n");
}

TEST(GateWait, TakesTheAddressFromTheEnvironment) {
  MountedDirectory directory;
  directory.publish(prefill_files("7", "7"));
  Child gate("pd-gate", {"wait", "--dir", directory.path(), "--timeout", "0s"}, {"POD_IP=10.0.0.18"});
  EXPECT_EQ(gate.exit_code(), 0) << gate.rest_of_err();
}

TEST(GateWait, EndsAtOnceWhenTerminated) {
  MountedDirectory directory;
  Child gate("pd-gate", wait_arguments(directory, "600s"));
  gate.out_line();
  gate.terminate();
  EXPECT_EQ(gate.exit_code(), 143);
}

TEST(GateArguments, ThatCantBeUnderstoodExitWithTwo) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"guard"},
      {"wait"},
      {"wait", "--address", "localhost"},
      {"wait", "--address", "10.0.0.18", "--profile", "Other"},
      {"wait", "--address", "10.0.0.18", "--local", "../table.json"},
      {"wait", "--address", "10.0.0.18", "--timeout", "soon"},
      {"wait", "--address", "10.0.0.18", "--timeout", "-1s"},
      {"wait", "--address", "10.0.0.18", "--timeout", "99999h"},
      {"wait", "--address", "10.0.0.18", "--timeout", "5d"},
      {"watch", "--address", "10.0.0.18", "--port", "70000"},
      {"watch", "--address", "10.0.0.18", "--reload-url", "http://engine:8000/reload"},
  };
  for (const auto& arguments : wrong) {
    Child gate("pd-gate", arguments);
    EXPECT_EQ(gate.exit_code(), 2) << ::testing::PrintToString(arguments);
    EXPECT_FALSE(gate.rest_of_err().empty());
  }
}

TEST(GateArguments, HelpHasAnExampleForEachCommand) {
  for (const std::string command : {"wait", "watch", "ready"}) {
    Child gate("pd-gate", {command, "--help"});
    EXPECT_EQ(gate.exit_code(), 0);
    EXPECT_THAT(gate.rest_of_out(), HasSubstr("Example:\n  pd-gate " + command));
  }
  Child gate("pd-gate", {"--version"});
  EXPECT_EQ(gate.exit_code(), 0);
}

TEST(GateReady, IsZeroOnceWatchHasSeenATable) {
  MountedDirectory directory;
  const std::string state = directory.beside("state");
  Child before("pd-gate", {"ready", "--state-file", state});
  EXPECT_EQ(before.exit_code(), 1);
  EXPECT_THAT(before.rest_of_err(), HasSubstr("no completed, valid ranktable has been seen yet"));
  std::ofstream(state) << "7\n";
  Child after("pd-gate", {"ready", "--state-file", state});
  EXPECT_EQ(after.exit_code(), 0);
  std::ofstream(state) << "x";
  Child broken("pd-gate", {"ready", "--state-file", state});
  EXPECT_EQ(broken.exit_code(), 1);
}

}  // namespace
}  // namespace pd::gate
