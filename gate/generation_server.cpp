#include "gate/generation_server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <exception>

#include "base/log.h"

namespace pd::gate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr int kMostConnections = 16;
constexpr std::uint32_t kHeaderBytes = 8192;
constexpr std::uint64_t kBodyBytes = 1024;
constexpr std::chrono::seconds kConnectionTime(5);
constexpr std::chrono::milliseconds kFirstPause(500);
constexpr std::chrono::milliseconds kLongestPause(30000);

using Response = http::response<http::string_body>;

Response respond(const http::request<http::string_body>& request, const std::string& body) {
  Response response(http::status::ok, 11);
  response.set(http::field::content_type, "application/json");
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(false);
  if (request.target() != "/generation") {
    response.result(http::status::not_found);
  } else if (request.method() != http::verb::get) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET");
  } else {
    response.body() = body;
  }
  response.prepare_payload();
  return response;
}

// A count that goes down again however the connection ends: at the latest when the io_context goes, after the server.
class Counted {
 public:
  explicit Counted(std::shared_ptr<int> count) : count_(std::move(count)) { ++*count_; }
  ~Counted() { --*count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::shared_ptr<int> count_;
};

void log_escaped(const std::exception_ptr& escaped) {
  if (!escaped) return;
  try {
    std::rethrow_exception(escaped);
  } catch (const std::exception& error) {
    log::error("A connection ended unexpectedly", {{"problem", error.what()}});
  }
}

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

GenerationServer::GenerationServer(asio::io_context& io, std::uint16_t port, std::function<std::string()> answer)
    : io_(io), port_(port), answer_(std::move(answer)) {}

void GenerationServer::start(std::function<void(std::uint16_t)> on_listening) {
  asio::co_spawn(io_, listen_and_accept(std::move(on_listening)), asio::detached);
}

std::optional<GenerationServer::Acceptor> GenerationServer::open(std::string& problem) {
  // One socket for both families; plain IPv4 where the node has no IPv6.
  for (const tcp& protocol : {tcp::v6(), tcp::v4()}) {
    beast::error_code error;
    Acceptor acceptor(io_);
    const bool listens =
        !acceptor.open(protocol, error) && !acceptor.set_option(asio::socket_base::reuse_address(true), error) &&
        (protocol == tcp::v4() || !acceptor.set_option(asio::ip::v6_only(false), error)) &&
        !acceptor.bind({protocol, port_}, error) && !acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (listens) return acceptor;
    problem = error.message();
    if (error == asio::error::address_in_use) return std::nullopt;
  }
  return std::nullopt;
}

asio::awaitable<void> GenerationServer::listen_and_accept(std::function<void(std::uint16_t)> on_listening) {
  std::optional<Acceptor> acceptor;
  std::string problem;
  for (auto wait = kFirstPause; !(acceptor = open(problem)); wait = std::min(wait * 2, kLongestPause)) {
    log::warn("The port can't be listened on; trying again",
              {{"port", std::to_string(port_)}, {"problem", problem}, {"pause_ms", std::to_string(wait.count())}});
    co_await pause(wait);
  }
  beast::error_code ignored;
  const std::uint16_t port = acceptor->local_endpoint(ignored).port();
  log::info("Listening", {{"port", std::to_string(port)}});
  if (on_listening) on_listening(port);
  co_await accept(*acceptor);
}

asio::awaitable<void> GenerationServer::accept(Acceptor& acceptor) {
  while (true) {
    beast::error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_await pause(kFirstPause);  // out of descriptors, most likely: others have to end first
      continue;
    }
    if (*connections_ >= kMostConnections) continue;  // closed at once
    asio::co_spawn(io_, serve(std::move(socket)), log_escaped);
  }
}

asio::awaitable<void> GenerationServer::serve(tcp::socket socket) {
  const Counted counted(connections_);
  beast::tcp_stream stream(std::move(socket));
  stream.expires_after(kConnectionTime);
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  beast::flat_buffer buffer(kHeaderBytes + kBodyBytes);
  http::request_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytes);
  parser.body_limit(kBodyBytes);
  co_await http::async_read(stream, buffer, parser, token);
  if (error) co_return;
  const Response response = respond(parser.get(), answer_());
  co_await http::async_write(stream, response, token);
}

}  // namespace pd::gate
