// A server that stops at any point of a TLS exchange, or goes on without ever coming to an end: the deadline ends it.
#include <gmock/gmock.h>

#include "tests/kube/tls_fixture.h"

namespace pd::kube {
namespace {

using test::Connection;
using ::testing::HasSubstr;

constexpr auto kSoon = std::chrono::milliseconds(100);

struct Phase {
  const char* name;
  const char* bytes;  // after which nothing comes
};

class CpprestHang : public test::TlsTest, public ::testing::WithParamInterface<Phase> {
 protected:
  void expect_timeout() {
    const Result<HttpResponse> answer = get("/api", kSoon);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kTimeout) << answer.error().message;
    EXPECT_THAT(answer.error().message, HasSubstr("GET /api"));
    expect_closed();
  }
};

TEST_P(CpprestHang, EndsAtTheDeadline) {
  serve_tls("IP:127.0.0.1", [bytes = std::string(GetParam().bytes)](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.write(bytes);
    co_await connection.wait_for_close();
  });
  expect_timeout();
}

INSTANTIATE_TEST_SUITE_P(
    Phases, CpprestHang,
    ::testing::Values(Phase{"NoByte", ""}, Phase{"HalfAStatusLine", "HTTP/1.1 20"},
                      Phase{"HalfAHead", "HTTP/1.1 200 OK\r\nContent-Type: applic"},
                      Phase{"NoBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"},
                      Phase{"HalfABody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"},
                      Phase{"NoChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
                      Phase{"HalfAChunkHead", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1"},
                      Phase{"HalfAChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n{\"kind\":"},
                      Phase{"NoLastChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"}),
    [](const ::testing::TestParamInfo<Phase>& phase) { return phase.param.name; });

class CpprestDrip : public CpprestHang {};

TEST_F(CpprestDrip, AServerThatSpeaksNoTlsButListens) {
  serve([](Connection& connection) -> asio::awaitable<void> { co_await connection.wait_for_close(); });
  config_.server.replace(0, 4, "https");
  expect_timeout();
}

// Each byte starts the library's own timer anew, which therefore never ends it.
TEST_F(CpprestDrip, AByteNowAndThen) {
  serve_tls("IP:127.0.0.1", [](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (true) {
      timer.expires_after(std::chrono::milliseconds(2));
      co_await timer.async_wait(asio::use_awaitable);
      co_await connection.write("x");
    }
  });
  expect_timeout();
}

// The library reads headers without a limit: the deadline alone ends it (cpprest_transport.h).
TEST_F(CpprestDrip, HeadersWithoutEnd) {
  serve_tls("IP:127.0.0.1", [](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.write("HTTP/1.1 200 OK\r\n");
    const std::string header = "X-Padding: " + std::string(16000, 'x') + "\r\n";
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (true) {
      co_await connection.write(header);
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
  });
  expect_timeout();
}

TEST_F(CpprestDrip, AnswersThatHangHoldUpNoOther) {
  serve_tls("IP:127.0.0.1", [](Connection& connection) -> asio::awaitable<void> {
    const test::RawRequest request = co_await connection.read_request();
    if (request.head.starts_with("GET /good ")) co_await connection.answer("200 OK", "{}");
    co_await connection.wait_for_close();
  });
  std::vector<std::optional<Result<HttpResponse>>> hung(40);
  for (auto& answer : hung) {
    HttpRequest request{"GET", "/hang"};
    test::start(context_, transport().send(std::move(request), test::kTestLimit, stop_.token()), answer);
  }
  test::run_until(context_, [this] { return server_->connections() == 40; });
  const Result<HttpResponse> answer = get("/good");
  EXPECT_TRUE(answer) << answer.error().message;
  stop_.stop();
  test::run_until(context_,
                  [&] { return std::all_of(hung.begin(), hung.end(), [](auto& a) { return a.has_value(); }); });
}

}  // namespace
}  // namespace pd::kube
