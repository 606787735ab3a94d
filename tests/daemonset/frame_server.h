// A server of bare HTTP/2 frames on a unix socket: a test decides what goes over the wire. It shares the io_context
// with what is tested, so that one thread sees both sides in order.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pd::test {

namespace asio = boost::asio;
using asio::local::stream_protocol;

constexpr char kData = 0;
constexpr char kHeaders = 1;
constexpr char kSettings = 4;
constexpr char kEndStream = 1;
constexpr char kEndHeaders = 4;

inline std::string big_endian(std::size_t number, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(number >> shift & 0xff);
  return text;
}

inline std::string frame(char type, int flags, int stream, const std::string& payload) {
  return big_endian(payload.size(), 3) + type + static_cast<char>(flags) +
         big_endian(static_cast<std::size_t>(stream), 4) + payload;
}

// The frame of the first request's answer that has these headers; names and values of less than 127 bytes.
inline std::string headers(const std::vector<std::pair<std::string, std::string>>& fields, int flags = 0) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';  // a literal that is to be kept in no table
    block += static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
  }
  return frame(kHeaders, kEndHeaders | flags, 1, block);
}

inline std::string data(const std::string& payload) { return frame(kData, 0, 1, payload); }

class FrameServer {
 public:
  struct Options {
    std::function<std::string()> answer;  // to a request, once it has come
    bool closes = false;                  // after that; else the connection stays open until the client closes it
  };

  FrameServer(asio::io_context& io, const std::string& socket, Options options)
      : acceptor_(io, stream_protocol::endpoint(socket)),
        options_(std::make_shared<const Options>(std::move(options))) {
    asio::co_spawn(io, accept(), asio::detached);
  }

 private:
  asio::awaitable<void> accept() {
    const std::shared_ptr<const Options> options = options_;
    while (true) {
      stream_protocol::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      asio::co_spawn(socket.get_executor(), serve(std::move(socket), options), asio::detached);
    }
  }

  // Ends, by an exception, when the client has closed; the server may be gone by then.
  static asio::awaitable<void> serve(stream_protocol::socket socket, std::shared_ptr<const Options> options) {
    std::string preface(24, '\0');
    co_await asio::async_read(socket, asio::buffer(preface), asio::use_awaitable);
    bool asked = false;
    while (!asked) asked = co_await read_frame(socket);
    const std::string answer = frame(kSettings, 0, 0, "") + options->answer();
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
    while (!options->closes) co_await read_frame(socket);
  }

  // True for the last one of a request.
  static asio::awaitable<bool> read_frame(stream_protocol::socket& socket) {
    std::string head(9, '\0');
    co_await asio::async_read(socket, asio::buffer(head), asio::use_awaitable);
    std::size_t size = 0;
    for (std::size_t i = 0; i < 3; ++i) size = size << 8 | static_cast<unsigned char>(head[i]);
    std::string payload(size, '\0');
    co_await asio::async_read(socket, asio::buffer(payload), asio::use_awaitable);
    co_return (head[3] == kData || head[3] == kHeaders) && (head[4] & kEndStream) != 0;
  }

  stream_protocol::acceptor acceptor_;
  std::shared_ptr<const Options> options_;
};

}  // namespace pd::test
