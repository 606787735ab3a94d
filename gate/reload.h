// The call to a pod's engine that makes it read its tables again: POST to an address of the pod's own.
// Thread: the program's io_context.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
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

// An engine may build all of its links anew before it answers: asked again meanwhile, it would never end.
struct ReloadDeadlines {
  std::chrono::milliseconds sent = std::chrono::seconds(5);
  std::chrono::milliseconds answered = std::chrono::minutes(5);  // from then on
};

// One attempt. kInvalid for an answer 4xx that another attempt does not change; kUnavailable otherwise.
boost::asio::awaitable<Status> post_reload(const ReloadTarget& target, ReloadDeadlines deadlines = {});

}  // namespace pd::gate
