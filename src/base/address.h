// IP addresses as text, the way tables and annotations carry them.
// Thread: pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace pd {

enum class AddressFamily { kIPv4, kIPv6 };

// The family of a well-formed address (inet_pton), nothing for anything else.
std::optional<AddressFamily> address_family(std::string_view text);

// Well-formed and able to name one peer: not unspecified, not loopback, not multicast.
bool is_peer_address(std::string_view text);

}  // namespace pd
