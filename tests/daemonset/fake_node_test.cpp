// The page of the fake node kit (tests/fake_node/README.md): its commands work, one after another, and show what it
// says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The page's lines that are indented as code.
std::vector<std::string> commands_of_the_page() {
  std::vector<std::string> commands;
  std::ifstream page("tests/fake_node/README.md");
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("    ")) commands.push_back(line.substr(4));
  }
  return commands;
}

struct Ran {
  int status = -1;
  std::string output;
};

// In a folder from which the project's tests are seen as from the project's own.
class FakeNodePage : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory_symlink(std::filesystem::absolute("tests"), dir_.path("tests"));
    programs_ = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  }

  Ran sh(const std::string& command) const {
    Ran ran;
    const std::string line = "cd '" + dir_.path("") + "' && export PD_PROGRAMS='" + programs_ + "' && " + command;
    FILE* output = popen(line.c_str(), "r");  // NOLINT(cert-env33-c): a shell's commands are what is tested
    if (output == nullptr) return ran;
    std::array<char, 4096> bytes{};
    while (const std::size_t got = fread(bytes.data(), 1, bytes.size(), output)) ran.output.append(bytes.data(), got);
    ran.status = WEXITSTATUS(pclose(output));
    return ran;
  }

  TempDir dir_;
  std::string programs_;
};

TEST_F(FakeNodePage, ItsCommandsShowWhatItSays) {
  std::vector<std::string> shown;
  for (const std::string& command : commands_of_the_page()) {
    const Ran ran = sh(command);
    const bool probes = command.starts_with("node/probe");
    EXPECT_EQ(ran.status, probes ? 1 : 0) << command << "\n" << ran.output;
    if (probes) shown.push_back(ran.output);
  }
  ASSERT_EQ(shown.size(), 4U);
  EXPECT_THAT(shown[0], HasSubstr("29.81.18.107"));
  EXPECT_THAT(shown[0], HasSubstr(R"("super_device_id":0,"super_pod_id":5)"));
  EXPECT_THAT(shown[0], Not(HasSubstr("  device ")));
  EXPECT_THAT(shown[1], HasSubstr("  device 3: its link is down"));
  EXPECT_THAT(shown[1], HasSubstr("  device 4: its net health is \"Unreachable\""));
  const Result<Json> told = parse_json(shown[2]);
  ASSERT_TRUE(told) << shown[2];
  const Json& devices = told->at("pd-operator.io/npu-inventory").at("devices");
  EXPECT_EQ(devices.at(3).at("link"), "down");
  EXPECT_EQ(devices.at(5).at("ip"), "29.81.18.205");
  EXPECT_THAT(shown[3], HasSubstr("  npu-smi: "));
  EXPECT_THAT(shown[3], HasSubstr("LD_LIBRARY_PATH"));
}

TEST_F(FakeNodePage, TheFolderIsMadeOnceAndForTheProductThatIsWanted) {
  EXPECT_EQ(sh("tests/fake_node/make_node a2 --count 2 --network 10.1.2 --product 910B").status, 0);
  const Ran probe = sh("a2/probe --json");
  EXPECT_THAT(probe.output, HasSubstr(R"("devices":[{"health":"ok","id":0,"ip":"10.1.2.100","link":"up"},)"));
  EXPECT_THAT(probe.output, Not(HasSubstr("super_pod_id")));
  EXPECT_EQ(sh("tests/fake_node/make_node a2 2>/dev/null").status, 2);
}

}  // namespace
}  // namespace pd::agent
