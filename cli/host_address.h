// The address by which peers reach this host.
// Thread: does not block; nothing is sent.
#pragma once

#include <string>

#include "base/result.h"

namespace pd::cli {

// The local address of a way out to the Internet, IPv4 before IPv6; never a loopback address. The error says what to
// do.
Result<std::string> outgoing_address();

// `text` in its usual spelling. An error for what is no numeric address, or none by which peers could reach a host.
Result<std::string> peer_address(const std::string& text);

}  // namespace pd::cli
