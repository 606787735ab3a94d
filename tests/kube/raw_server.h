// An HTTP server of bare bytes on a port of the kernel's choice: a test decides what goes over the wire, and when.
// It shares the io_context with what is tested, so that one thread sees both sides in order.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pd::test {

namespace asio = boost::asio;
using asio::ip::tcp;

struct RawRequest {
  std::string head;  // request line and headers
  std::string body;
  bool has(const std::string& line) const { return head.find("\r\n" + line + "\r\n") != std::string::npos; }
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, asio::ssl::context* tls) {
    if (tls == nullptr) {
      plain_.emplace(std::move(socket));
    } else {
      secure_.emplace(std::move(socket), *tls);
    }
  }

  asio::awaitable<void> handshake() {
    if (secure_) co_await secure_->async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
  }
  // Throws when the client has closed.
  asio::awaitable<RawRequest> read_request() {
    const std::size_t end = secure_ ? co_await read_head(*secure_) : co_await read_head(*plain_);
    RawRequest request{received_.substr(0, end), ""};
    received_.erase(0, end);
    const std::size_t mark = request.head.find("Content-Length:");
    const std::size_t length = mark == std::string::npos ? 0 : std::stoul(request.head.substr(mark + 15));
    if (received_.size() < length) {
      const std::size_t missing = length - received_.size();
      auto more = asio::dynamic_buffer(received_);
      if (secure_) {
        co_await asio::async_read(*secure_, more, asio::transfer_exactly(missing), asio::use_awaitable);
      } else {
        co_await asio::async_read(*plain_, more, asio::transfer_exactly(missing), asio::use_awaitable);
      }
    }
    request.body = received_.substr(0, length);
    received_.erase(0, length);
    co_return request;
  }
  asio::awaitable<void> write(std::string bytes) {
    const auto buffer = asio::buffer(bytes);
    if (secure_) {
      co_await asio::async_write(*secure_, buffer, asio::use_awaitable);
    } else {
      co_await asio::async_write(*plain_, buffer, asio::use_awaitable);
    }
  }
  asio::awaitable<void> answer(const std::string& status, const std::string& body, const std::string& headers = "") {
    std::string text =
        "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
    co_await write(std::move(text));
  }
  asio::awaitable<void> start_stream() {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    co_await write(std::move(head));
  }
  asio::awaitable<void> chunk(const std::string& content) {
    std::string text = chunk_head(content.size()) + content + "\r\n";
    co_await write(std::move(text));
  }
  asio::awaitable<void> end_stream() {
    std::string text = "0\r\n\r\n";
    co_await write(std::move(text));
  }
  // Sends a chunk again and again until the client has closed (without TLS). A close can come while the client's window
  // is full, and then no write would ever tell of it: so it is looked for on the side.
  asio::awaitable<void> flood(std::string content) {
    plain_->async_wait(tcp::socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->plain_->close();
    });
    while (true) co_await chunk(content);
  }
  // Comes back when the client has closed.
  asio::awaitable<void> wait_for_close() {
    try {
      while (true) (void)co_await read_request();
    } catch (const std::exception&) {
    }
  }
  static std::string chunk_head(std::size_t size) {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "%zx\r\n", size);
    return text.data();
  }

 private:
  template <typename Stream>
  asio::awaitable<std::size_t> read_head(Stream& stream) {
    auto buffer = asio::dynamic_buffer(received_);
    co_return co_await asio::async_read_until(stream, buffer, "\r\n\r\n", asio::use_awaitable);
  }

  std::optional<tcp::socket> plain_;
  std::optional<asio::ssl::stream<tcp::socket>> secure_;
  std::string received_;
};

class RawServer {
 public:
  // What the server does with one connection; the connection is closed when it returns or throws.
  using Session = std::function<asio::awaitable<void>(Connection&)>;

  RawServer(asio::io_context& context, Session session, std::shared_ptr<asio::ssl::context> tls = nullptr)
      : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        state_(std::make_shared<State>(State{std::move(session), std::move(tls)})) {
    asio::co_spawn(context, accept(), asio::detached);
  }

  std::string url() const {
    return std::string(state_->tls ? "https" : "http") + "://127.0.0.1:" + std::to_string(port());
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  int connections() const { return state_->connections; }  // accepted so far
  int open() const { return state_->open; }

 private:
  // Of the connections too, which may outlive the server.
  struct State {
    Session session;
    std::shared_ptr<asio::ssl::context> tls;
    int connections = 0;
    int open = 0;
  };

  asio::awaitable<void> accept() {
    const std::shared_ptr<State> state = state_;
    while (true) {
      tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      ++state->connections;
      ++state->open;
      auto connection = std::make_shared<Connection>(std::move(socket), state->tls.get());
      asio::co_spawn(acceptor_.get_executor(), serve(connection, state),
                     [state](const std::exception_ptr&) { --state->open; });
    }
  }
  static asio::awaitable<void> serve(std::shared_ptr<Connection> connection, std::shared_ptr<State> state) {
    co_await connection->handshake();
    co_await state->session(*connection);
  }

  tcp::acceptor acceptor_;
  std::shared_ptr<State> state_;
};

}  // namespace pd::test
