#include "ranktable/address_key.h"

#include <arpa/inet.h>

#include <array>

namespace pd::ranktable {
namespace {

constexpr std::string_view kMappedPrefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

}  // namespace

std::string address_key(std::string_view address) {
  if (address.empty() || address.size() > INET6_ADDRSTRLEN || address.find('\0') != std::string_view::npos) return {};
  const std::string text(address);
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return {};
  const std::string_view key(bytes.data(), bytes.size());
  return std::string(key.starts_with(kMappedPrefix) ? key.substr(kMappedPrefix.size()) : key);
}

bool same_address(std::string_view a, std::string_view b) {
  const std::string key = address_key(a);
  return !key.empty() && key == address_key(b);
}

}  // namespace pd::ranktable
