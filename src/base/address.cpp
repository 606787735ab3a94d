#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace pd {
namespace {

std::optional<AddressFamily> parse(std::string_view text, std::array<unsigned char, 16>& bytes) {
  if (text.empty() || text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) return AddressFamily::kIPv4;
  if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return AddressFamily::kIPv6;
  return std::nullopt;
}

bool names_one_host(const unsigned char* ipv4) { return ipv4[0] != 0 && ipv4[0] != 127 && ipv4[0] < 224; }

}  // namespace

std::optional<AddressFamily> address_family(std::string_view text) {
  std::array<unsigned char, 16> bytes{};
  return parse(text, bytes);
}

bool is_peer_address(std::string_view text) {
  std::array<unsigned char, 16> bytes{};
  const std::optional<AddressFamily> family = parse(text, bytes);
  if (!family) return false;
  if (*family == AddressFamily::kIPv4) return names_one_host(bytes.data());
  static constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // ::ffff:a.b.c.d
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return names_one_host(bytes.data() + kMapped.size());
  if (bytes[0] == 0xff) return false;
  std::array<unsigned char, 16> special{};
  if (bytes == special) return false;
  special[15] = 1;
  return bytes != special;
}

}  // namespace pd
