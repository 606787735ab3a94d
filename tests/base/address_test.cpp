#include "base/address.h"

#include <gtest/gtest.h>

namespace pd {
namespace {

TEST(Address, KnowsTheFamily) {
  EXPECT_EQ(address_family("29.81.18.100"), AddressFamily::kIPv4);
  EXPECT_EQ(address_family("fd00::1"), AddressFamily::kIPv6);
  EXPECT_EQ(address_family("::ffff:10.0.0.1"), AddressFamily::kIPv6);
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1/24",
                           "[fd00::1]", "fd00::1%eth0", "fd00:::1", "host", "1.2.3.4.5"}) {
    EXPECT_EQ(address_family(text), std::nullopt) << text;
  }
  EXPECT_EQ(address_family(std::string(100, '1')), std::nullopt);
}

TEST(Address, RefusesAByteThatEndsACString) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(address_family("10.0.0.1\0evil"sv), std::nullopt);
  EXPECT_FALSE(is_peer_address("10.0.0.1\0evil"sv));
}

TEST(Address, APeerIsAnAddressOfOneOtherHost) {
  for (const char* text : {"10.0.0.1", "192.168.1.255", "fd00::1", "fe80::1", "2001:db8::1", "::ffff:10.0.0.1"})
    EXPECT_TRUE(is_peer_address(text)) << text;
  for (const char* text : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.1", "255.255.255.255", "::", "::1",
                           "ff02::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:224.0.0.1", "x"}) {
    EXPECT_FALSE(is_peer_address(text)) << text;
  }
}

}  // namespace
}  // namespace pd
