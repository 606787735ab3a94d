// One spelling for each address, so that "fd00::1" and "FD00:0::1" count as the same one.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace pd::ranktable {

// The address in network byte order (4 or 16 bytes; an IPv4-mapped IPv6 address has 4); empty when it is not an
// address.
std::string address_key(std::string_view address);

// Both are well-formed and name the same peer, however they are spelled.
bool same_address(std::string_view a, std::string_view b);

}  // namespace pd::ranktable
