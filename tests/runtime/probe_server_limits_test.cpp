// What a client can't do to the server: make it read what it does not want, wait, or be away for others.
#include <gmock/gmock.h>

#include <boost/asio/steady_timer.hpp>

#include "tests/runtime/probe_server_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(ProbeServerTest, RefusesToBeWrittenTo) {
  serve();
  RawClient asking = client();
  EXPECT_THAT(asking.ask("DELETE /readyz HTTP/1.1\r\nHost: pod\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
  RawClient posting = client();
  posting.send("POST /readyz HTTP/1.1\r\nHost: pod\r\nContent-Length: 5\r\n\r\nhello");
  posting.finish_sending();
  EXPECT_THAT(posting.rest(), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Connection: close")));
}

TEST_F(ProbeServerTest, RefusesBodies) {
  serve();
  for (const char* body :
       {"Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"}) {
    RawClient asking = client();
    asking.send("GET /readyz HTTP/1.1\r\nHost: pod\r\n" + std::string(body));
    asking.finish_sending();
    EXPECT_THAT(asking.rest(), AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("Connection: close"))) << body;
  }
}

// The answer arrives although a part of what was sent is never read.
TEST_F(ProbeServerTest, RefusesLargeHeaders) {
  serve();
  for (const std::size_t size : {std::size_t{9000}, std::size_t{200000}}) {
    RawClient asking = client();
    asking.send("GET /readyz HTTP/1.1\r\nHost: pod\r\nCookie: " + std::string(size, 'x'));
    asking.finish_sending();
    EXPECT_THAT(asking.answer(), AllOf(StartsWith("HTTP/1.1 431 "), HasSubstr("Connection: close"))) << size;
  }
  RawClient fitting = client();
  EXPECT_THAT(fitting.ask(get("/readyz", "Cookie: " + std::string(8000, 'x') + "\r\n")), EndsWith("ok"));
}

TEST_F(ProbeServerTest, RefusesWhatIsNoHttp) {
  serve();
  for (const char* bytes : {"\x16\x03\x01\x02\x01\x01 TLS\r\n\r\n", "hello\r\n\r\n", "GET /readyz HTTP/9.9\r\n\r\n",
                            "GET /readyz HTTP/1.1\r\nHost pod\r\n\r\n", "GET  HTTP/1.1\r\n\r\n"}) {
    RawClient asking = client();
    asking.send(bytes);
    asking.finish_sending();
    EXPECT_THAT(asking.rest(), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("Connection: close"))) << bytes;
  }
}

TEST_F(ProbeServerTest, ClosesOnWhoGoesAway) {
  serve();
  for (const char* bytes : {"", "GET /rea", "GET /readyz HTTP/1.1\r\nHost"}) {
    RawClient asking = client();
    asking.send(bytes);
    asking.finish_sending();
    EXPECT_EQ(asking.rest(), "") << bytes;
  }
  test::run_until(context_, [&] { return server_->connections() == 0; });
}

TEST_F(ProbeServerTest, ClosesOnHalfARequest) {
  ProbeLimits limits;
  limits.request_time = milliseconds(20);
  serve(limits);
  for (const char* bytes : {"", "GET /readyz HTTP/1.1\r\nHost"}) {
    RawClient asking = client();
    asking.send(bytes);
    EXPECT_EQ(asking.rest(), "") << bytes;
  }
  EXPECT_EQ(server_->connections(), 0U);
}

// Byte by byte, each in time: the limit is for the whole request.
TEST_F(ProbeServerTest, ClosesOnADrip) {
  ProbeLimits limits;
  limits.request_time = milliseconds(50);
  serve(limits);
  RawClient asking = client();
  asking.send("GET /readyz HTTP/1.1\r\n");
  bool closed = false;
  asio::steady_timer drop(context_);
  std::function<void()> drip = [&] {
    drop.expires_after(milliseconds(5));
    drop.async_wait([&](const boost::system::error_code& error) {
      if (error || closed) return;
      try {
        asking.send("a");
        drip();
      } catch (const boost::system::system_error&) {
        closed = true;  // reset: there was something unread
      }
    });
  };
  drip();
  test::run_until(context_, [&] { return closed || server_->connections() == 0; });
  if (!closed) test::run_until(context_, [&] { return server_->connections() == 0; });
  closed = true;
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ProbeServerTest, ClosesWhatIsIdle) {
  ProbeLimits limits;
  limits.idle_time = milliseconds(20);
  serve(limits);
  RawClient asking = client();
  EXPECT_THAT(asking.ask(get("/readyz")), EndsWith("ok"));
  EXPECT_EQ(asking.rest(), "");
}

TEST_F(ProbeServerTest, ClosesOnWhoDoesNotReadItsAnswer) {
  metrics_ = std::string(std::size_t{32} << 20, 'x');  // more than the kernel keeps
  ProbeLimits limits;
  limits.answer_time = milliseconds(50);
  serve(limits);
  RawClient asking = client();
  asking.send(get("/metrics"));
  test::run_until(context_, [&] { return server_->connections() == 1; });
  test::run_until(context_, [&] { return server_->connections() == 0; });
  RawClient other = client();
  EXPECT_THAT(other.ask(get("/readyz")), EndsWith("ok"));
}

TEST_F(ProbeServerTest, AQuietConnectionMakesRoomForANewOne) {
  ProbeLimits limits;
  limits.connections = 3;
  serve(limits);
  RawClient first = client();
  EXPECT_THAT(first.ask(get("/readyz")), EndsWith("ok"));
  RawClient second = client();
  second.send("GET /readyz HTTP/1.1\r\n");
  RawClient third = client();
  EXPECT_THAT(third.ask(get("/readyz")), EndsWith("ok"));
  EXPECT_THAT(first.ask(get("/readyz")), EndsWith("ok")) << "now the second has been quiet for longest";
  RawClient fourth = client();
  EXPECT_THAT(fourth.ask(get("/readyz")), EndsWith("ok"));
  EXPECT_EQ(server_->connections(), 3U);
  EXPECT_EQ(second.rest(), "");
  EXPECT_THAT(first.ask(get("/readyz")), EndsWith("ok"));
  EXPECT_THAT(third.ask(get("/readyz")), EndsWith("ok"));
}

TEST_F(ProbeServerTest, ManyConnectionsKeepNobodyOut) {
  ProbeLimits limits;
  limits.connections = 4;
  serve(limits);
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 50; ++i) {
    crowd.push_back(std::make_unique<RawClient>(context_, server_->port()));
    crowd.back()->send("GET ");
  }
  RawClient kubelet = client();
  EXPECT_THAT(kubelet.ask(get("/readyz")), EndsWith("ok"));
  EXPECT_EQ(server_->connections(), 4U);
}

}  // namespace
}  // namespace pd::runtime
