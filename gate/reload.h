// The call to a pod's engine that makes it read its tables again: POST to an address of the pod's own.
// Thread: the program's io_context.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pd::gate {

struct ReloadTarget {
  boost::asio::ip::tcp::endpoint endpoint;
  std::string host;  // as in the URL: for the Host header
  std::string path;
};

// "http://127.0.0.1:8000/reload". The host is an IP address or "localhost": names are not looked up, the engine is in
// this pod.
Result<ReloadTarget> parse_reload_url(std::string_view url);

// One attempt, within five seconds. kInvalid for an answer 4xx, which another attempt does not change; kUnavailable
// otherwise.
boost::asio::awaitable<Status> post_reload(const ReloadTarget& target);

}  // namespace pd::gate
