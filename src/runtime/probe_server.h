// Serves ProbePages over plain HTTP/1.1. Anybody on the network may ask, so everything is bounded: the size of a
// header, no body, the time of a request and of its answer, how long and for how many requests a connection is kept,
// how many there are. When there are too many, the one that has been quiet for longest makes room: nobody can keep
// kubelet out by holding connections.
//
//   Result<ProbeServer> server = ProbeServer::listen(io, ":8080", pages);
//   if (!server) return server.error();
//   spawn(io, server->run(stop));
//
// Owner: the program; `pages` must outlive run(). Thread: the io_context's.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/stop_token.h"
#include "runtime/probe_pages.h"

namespace pd::runtime {

struct ProbeLimits {
  std::uint32_t header_bytes = 8192;
  std::size_t connections = 32;
  int requests_per_connection = 100;
  Duration request_time = std::chrono::seconds(5);  // from its first byte to the end of its header
  Duration answer_time = std::chrono::seconds(10);
  Duration idle_time = std::chrono::seconds(75);  // between two requests; more than Prometheus' usual minute
};

class ProbeServer {
 public:
  // Listens from now on; connections are answered once run() runs. `address`: "127.0.0.1:8080", "[::1]:8080", or
  // ":8080" for all addresses, IPv6 and IPv4. Port 0 takes a free one. Errors name the address and say what is wrong
  // with it.
  static Result<ProbeServer> listen(boost::asio::io_context& context, const std::string& address,
                                    const ProbePages& pages, ProbeLimits limits = {});

  // Until stopped; then closes all connections, and ends when the last flow of it has ended.
  boost::asio::awaitable<void> run(StopToken stop);

  std::uint16_t port() const;
  std::size_t connections() const;

 private:
  struct State;
  explicit ProbeServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  // Shared with the flows: when a program ends by an exception, they go with the io_context, after the server.
  std::shared_ptr<State> state_;
};

}  // namespace pd::runtime
