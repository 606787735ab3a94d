#include "operator/ask_generation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "runtime/spawn.h"

namespace pd::op {
namespace {

using boost::asio::ip::tcp;
using ::testing::HasSubstr;

TEST(ParseGeneration, TakesThePodsOwnAnswer) {
  EXPECT_EQ(*parse_generation(R"({"uid":"u-1","generation":7})", "u-1"), 7);
  EXPECT_EQ(*parse_generation(R"({"uid":"u-1","generation":0,"more":[1]})", "u-1"), 0);
}

TEST(ParseGeneration, RefusesTheRest) {
  for (const char* body :
       {"", "7", "[]", "{}", R"({"generation":7})", R"({"uid":"u-2","generation":7})", R"({"uid":"u-1"})",
        R"({"uid":"u-1","generation":-1})", R"({"uid":"u-1","generation":"7"})", R"({"uid":"u-1","generation":7.5})",
        R"({"uid":"u-1","generation":18446744073709551615})", R"({"uid":7,"generation":7})", R"({"a":[[[[[]]]]]})"}) {
    const Result<std::int64_t> generation = parse_generation(body, "u-1");
    ASSERT_FALSE(generation) << body;
    EXPECT_FALSE(generation.error().message.empty());
  }
}

// Answers one connection with these bytes, whatever is asked.
class Peer {
 public:
  explicit Peer(std::string bytes) : bytes_(std::move(bytes)), thread_([this] { serve(); }) {}
  ~Peer() { thread_.join(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void serve() {
    boost::system::error_code error;
    tcp::socket socket(context_);
    acceptor_.accept(socket, error);
    std::array<char, 1024> request{};
    if (!error) socket.read_some(boost::asio::buffer(request), error);
    if (!error) boost::asio::write(socket, boost::asio::buffer(bytes_), error);
  }

  std::string bytes_;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::thread thread_;
};

Result<std::int64_t> ask(std::uint16_t port, const std::string& address = "127.0.0.1") {
  boost::asio::io_context context;
  std::optional<Result<std::int64_t>> answer;
  const auto asking = [&]() -> boost::asio::awaitable<void> {
    plan::DeliveryTarget target{"u-1", address, port, 7};
    answer = co_await ask_generation(std::move(target));
  };
  runtime::spawn(context, asking());
  context.run();
  return std::move(answer.value());
}

std::string http(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(AskGeneration, BringsWhatTheSidecarSees) {
  const Peer peer(http("200 OK", R"({"uid":"u-1","generation":7})"));
  const Result<std::int64_t> answer = ask(peer.port());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, 7);
}

TEST(AskGeneration, IsNotDisturbedByWhoeverAnswers) {
  const std::string large(1 << 20, 'x');
  for (const std::string& bytes :
       {http("404 Not Found", ""), http("200 OK", "{}"), http("200 OK", large), "HTTP/1.1 200 OK\r\nX: " + large,
        std::string("\0\xff garbage\r\n\r\n", 13), std::string(), http("302 Found\r\nLocation: http://x/", "")}) {
    const Peer peer(bytes);
    EXPECT_FALSE(ask(peer.port())) << bytes.substr(0, 60);
  }
}

TEST(AskGeneration, SaysWhenNobodyIsThere) {
  std::uint16_t port = 0;
  {
    boost::asio::io_context context;
    port = tcp::acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)).local_endpoint().port();
  }
  const Result<std::int64_t> answer = ask(port);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("it can't be reached"));
  EXPECT_EQ(ask(1, "not an address").error().code, Code::kInvalid);
}

// Accepts and says nothing.
TEST(AskGeneration, DoesNotWaitForLong) {
  boost::asio::io_context context;
  const tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const Result<std::int64_t> answer = ask(acceptor.local_endpoint().port());
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("it did not answer"));
}

}  // namespace
}  // namespace pd::op
