#include "cli/device_addresses.h"

#include <chrono>
#include <numeric>

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
  EXPECT_THAT(ask_addresses({3}, sources).complaints,
              ElementsAre(HasSubstr("-i 3 -ip -g"), HasSubstr("by hand as root")));
}

TEST_F(Addresses, AreOnlyAskedForWhereOneSays) {
  AddressSources sources = nowhere();
  put_tool_on_path();
  sources.hccn_tool = host_.path("my_tool");
  EXPECT_THAT(ask_addresses({3}, sources).complaints,
              ElementsAre("--hccn-tool: there is no file " + host_.path("my_tool")));
  sources = nowhere();
  sources.hccn_conf = host_.path("my_conf");
  EXPECT_THAT(ask_addresses({3}, sources).complaints,
              ElementsAre("--hccn-conf: there is no file " + host_.path("my_conf")));
}

TEST_F(Addresses, AreMissingWithAdviceWhereThereIsNothingToAsk) {
  EXPECT_THAT(ask_addresses({3}, nowhere()).complaints,
              ElementsAre(AllOf(HasSubstr("neither"), HasSubstr("--hccn-tool"), HasSubstr("--hccn-conf"))));
}

TEST_F(Addresses, GiveTheAdviceOnceAndOnlyWhereItHelps) {
  AddressSources sources = nowhere();
  put_tool_on_path();
  host_.write("hccn.conf", "address_3=29.81.18.103\n");
  EXPECT_THAT(
      ask_addresses({3, 4, 5}, sources).complaints,
      ElementsAre(HasSubstr("hccn_tool -i 4 -ip -s address IP netmask MASK"), HasSubstr("-i 5 -ip -s address")));
  host_.write("hccn_tool.script", "4 garbage\n5 garbage\n");
  EXPECT_THAT(ask_addresses({3, 4, 5}, sources).complaints,
              ElementsAre(HasSubstr("device 4: "), HasSubstr("device 5: "), HasSubstr("by hand as root")));
}

TEST_F(Addresses, AreNotWaitedForOnceTheToolHung) {
  AddressSources sources = nowhere();
  sources.timeout = std::chrono::milliseconds(250);
  put_tool_on_path();
  std::vector<int> devices(16);
  std::iota(devices.begin(), devices.end(), 0);
  host_.write("hccn_tool.script", "* hang\n");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(ask_addresses(devices, sources).complaints,
              ElementsAre(AllOf(HasSubstr("did not answer within 250 ms"), HasSubstr("the others were not asked")),
                          HasSubstr("by hand as root")));
  host_.write("hccn_tool.script", "2 hang\n");
  EXPECT_THAT(ask_addresses(devices, sources).complaints,
              AllOf(::testing::SizeIs(14), ::testing::Contains(HasSubstr("device 2: ")),
                    ::testing::Contains("device 15: it was not asked for, as the tool hung for another device")));
  // Two rounds of two calls each; four rounds would be as many seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

// Whether this machine has a way out is not ours to say.
TEST(PeerAddress, IsSpelledAsUsual) {
  EXPECT_EQ(*peer_address("10.0.0.18"), "10.0.0.18");
  EXPECT_EQ(*peer_address("2001:DB8:0:0::0018"), "2001:db8::18");
  for (const char* text : {"fe80::1", "FEBF::1"}) {
    EXPECT_THAT(peer_address(text).error().message, HasSubstr("link-local"));
  }
  EXPECT_THAT(peer_address("localhost").error().message,
              HasSubstr("\"localhost\" is no address; write a numeric IPv4 or IPv6 address, as 10.0.0.18"));
}

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
