// The address by which peers reach this host.
// Thread: does not block; nothing is sent.
#pragma once

#include <string>

#include "base/result.h"

namespace pd::cli {

// The local address of a way out to the Internet, IPv4 before IPv6; never a loopback address. The error says what to
// do.
Result<std::string> outgoing_address();

}  // namespace pd::cli
