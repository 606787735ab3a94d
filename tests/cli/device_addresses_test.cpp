#include "cli/device_addresses.h"

#include "base/address.h"
#include "cli/host_address.h"
#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Addresses : public ::testing::Test {
 protected:
  void SetUp() override { setenv("FAKE_HCCN_CONF", host_.path("hccn.conf").c_str(), 1); }
  void TearDown() override { unsetenv("FAKE_HCCN_CONF"); }

  // A host that has none of the usual places.
  AddressSources nowhere() const {
    AddressSources sources;
    sources.usual_tool = host_.path("no_tool");
    sources.usual_conf = host_.path("no_conf");
    sources.search_path = host_.path("no_folder") + ":" + host_.path("bin");
    return sources;
  }
  void put_tool_on_path() const {
    std::filesystem::create_directory(host_.path("bin"));
    std::filesystem::create_symlink(PD_FAKE_HCCN_TOOL, host_.path("bin/hccn_tool"));
  }

  Host host_{"10.0.0.18", 18};
};

TEST_F(Addresses, ComeFromTheDriversTool) {
  AddressSources sources = nowhere();
  sources.usual_tool = PD_FAKE_HCCN_TOOL;
  const DeviceAddresses known = ask_addresses({3, 15}, sources);
  EXPECT_THAT(known.complaints, IsEmpty());
  EXPECT_THAT(known.addresses, ElementsAre(std::pair(3, "29.81.18.103"), std::pair(15, "29.81.18.115")));
}

TEST_F(Addresses, ComeFromAToolOnThePath) {
  put_tool_on_path();
  EXPECT_THAT(ask_addresses({3}, nowhere()).addresses, ElementsAre(std::pair(3, "29.81.18.103")));
}

TEST_F(Addresses, ComeFromTheConfigurationWhereThereIsNoTool) {
  AddressSources sources = nowhere();
  sources.usual_conf = host_.write("other.conf", "address_3=29.81.99.103\n");
  EXPECT_THAT(ask_addresses({3}, sources).addresses, ElementsAre(std::pair(3, "29.81.99.103")));
  put_tool_on_path();
  EXPECT_THAT(ask_addresses({3}, sources).addresses, ElementsAre(std::pair(3, "29.81.18.103")));
}

// What is configured is not what is live: a tool that fails is no reason to believe the file.
TEST_F(Addresses, DoNotComeFromTheConfigurationWhereTheToolFails) {
  AddressSources sources = nowhere();
  sources.usual_conf = host_.path("hccn.conf");
  put_tool_on_path();
  host_.write("hccn_tool.script", "* garbage\n");
  EXPECT_THAT(ask_addresses({3}, sources).complaints, ElementsAre(HasSubstr("-i 3 -ip -g")));
}

TEST_F(Addresses, AreOnlyAskedForWhereOneSays) {
  AddressSources sources = nowhere();
  put_tool_on_path();
  sources.hccn_tool = host_.path("my_tool");
  EXPECT_THAT(ask_addresses({3}, sources).complaints, ElementsAre(HasSubstr(host_.path("my_tool"))));
  sources = nowhere();
  sources.hccn_conf = host_.path("my_conf");
  EXPECT_THAT(ask_addresses({3}, sources).complaints, ElementsAre(HasSubstr(host_.path("my_conf"))));
}

TEST_F(Addresses, AreMissingWithAdviceWhereThereIsNothingToAsk) {
  EXPECT_THAT(ask_addresses({3}, nowhere()).complaints,
              ElementsAre(AllOf(HasSubstr("neither"), HasSubstr("--hccn-tool"), HasSubstr("--hccn-conf"))));
}

// Whether this machine has a way out is not ours to say.
TEST(OutgoingAddress, IsAPeersOrSaysWhatToDo) {
  const Result<std::string> address = outgoing_address();
  if (address) {
    EXPECT_TRUE(is_peer_address(*address)) << *address;
  } else {
    EXPECT_THAT(address.error().message, HasSubstr("--ip"));
  }
}

}  // namespace
}  // namespace pd::cli
