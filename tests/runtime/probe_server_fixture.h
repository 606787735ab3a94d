// A probe server, and a client that sends it any bytes.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <string>

#include "runtime/probe_server.h"
#include "tests/support/run_to_end.h"

namespace pd::runtime {

namespace asio = boost::asio;

// On the server's io_context: what it sends waits in the kernel until the server runs.
class RawClient {
 public:
  RawClient(asio::io_context& context, std::uint16_t port, const std::string& address = "127.0.0.1")
      : context_(context), socket_(context) {
    socket_.connect({asio::ip::make_address(address), port});
  }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  void finish_sending() { socket_.shutdown(asio::ip::tcp::socket::shutdown_send); }
  // All until the server closes.
  std::string rest() {
    while (read_some()) {
    }
    return std::exchange(received_, "");
  }
  // One answer that has a body of its Content-Length.
  std::string answer() {
    while (received_.find("\r\n\r\n") == std::string::npos || received_.size() < size()) {
      if (!read_some()) break;
    }
    const std::string one = received_.substr(0, size());
    received_.erase(0, one.size());
    return one;
  }
  std::string ask(const std::string& bytes) {
    send(bytes);
    return answer();
  }

 private:
  std::size_t size() const {
    const std::size_t field = received_.find("Content-Length: ");
    const std::size_t length = field == std::string::npos ? 0 : std::strtoul(&received_[field + 16], nullptr, 10);
    return received_.find("\r\n\r\n") + 4 + length;
  }
  bool read_some() {
    std::optional<boost::system::error_code> ended;
    std::array<char, 65536> bytes{};
    socket_.async_read_some(asio::buffer(bytes), [&](const boost::system::error_code& error, std::size_t count) {
      received_.append(bytes.data(), count);
      ended = error;
    });
    test::run_until(context_, [&] { return ended.has_value(); });
    return !*ended;
  }

  asio::io_context& context_;
  asio::ip::tcp::socket socket_;
  std::string received_;
};

class ProbeServerTest : public ::testing::Test {
 protected:
  ProbeServerTest() {
    pages_.readiness().add("caches", [this] { return caches_; });
    pages_.set_metrics([this] { return metrics_; });
  }
  // Every test ends with the proof that no flow is left behind.
  ~ProbeServerTest() override {
    stop_.stop();
    test::run_out(context_);
    EXPECT_TRUE(!server_ || ended_);
  }
  void serve(ProbeLimits limits = {}, const std::string& address = "127.0.0.1:0") {
    Result<ProbeServer> server = ProbeServer::listen(context_, address, pages_, limits);
    ASSERT_TRUE(server) << server.error().message;
    server_.emplace(std::move(*server));
    asio::co_spawn(context_, server_->run(stop_.token()), [this](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
      ended_ = true;
    });
  }
  RawClient client() { return {context_, server_->port()}; }
  static std::string get(const std::string& target, const std::string& more = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: pod\r\n" + more + "\r\n";
  }

  asio::io_context context_;
  StopSource stop_;
  ProbePages pages_;
  Status caches_ = Ok{};
  std::string metrics_ = "up 1\n";
  std::optional<ProbeServer> server_;
  bool ended_ = false;
};

}  // namespace pd::runtime
