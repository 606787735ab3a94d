// Answers GET /generation with one document. Anybody on the network may ask, so everything about it is bounded: 16
// connections, 8 KiB of header, five seconds for each. It listens on all addresses, IPv6 and IPv4. A port that is taken
// is tried again, with growing pauses: it never ends the program. Thread: the program's io_context. The server must
// outlive the io_context's run().
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace pd::gate {

class GenerationServer {
 public:
  // `answer` makes the body of each answer.
  GenerationServer(boost::asio::io_context& io, std::uint16_t port, std::function<std::string()> answer);

  // Listens from now on; `on_listening` is told the port, which matters where it was given as 0.
  void start(std::function<void(std::uint16_t)> on_listening = {});

 private:
  using Acceptor = boost::asio::ip::tcp::acceptor;

  boost::asio::awaitable<void> listen_and_accept(std::function<void(std::uint16_t)> on_listening);
  boost::asio::awaitable<void> accept(Acceptor& acceptor);
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  std::optional<Acceptor> open(std::string& problem);

  boost::asio::io_context& io_;
  std::uint16_t port_;
  std::function<std::string()> answer_;
  std::shared_ptr<int> connections_ =
      std::make_shared<int>(0);  // shared with connections, which may outlive the server
};

}  // namespace pd::gate
