#include "runtime/probe_server.h"

#include <gmock/gmock.h>

#include "tests/runtime/probe_server_fixture.h"

namespace pd::runtime {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(ProbeServerTest, AnswersProbes) {
  serve();
  RawClient asking = client();
  const std::string well = asking.ask(get("/readyz"));
  EXPECT_THAT(well, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(well, HasSubstr("Content-Type: text/plain"));
  EXPECT_THAT(well, EndsWith("\r\n\r\nok"));
  caches_ = Error{Code::kUnavailable, "pods are not listed yet"};
  const std::string ill = asking.ask(get("/readyz"));
  EXPECT_THAT(ill, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(ill, HasSubstr("[-]caches failed: pods are not listed yet"));
  EXPECT_THAT(asking.ask(get("/metrics")), EndsWith("\r\n\r\nup 1\n"));
  EXPECT_THAT(asking.ask(get("/other")), AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("/readyz/caches\n")));
}

TEST_F(ProbeServerTest, ListensOnBothFamilies) {
  serve({}, ":0");
  EXPECT_THAT(client().ask(get("/readyz")), EndsWith("ok"));
  try {
    RawClient six(context_, server_->port(), "::1");
    EXPECT_THAT(six.ask(get("/readyz")), EndsWith("ok"));
  } catch (const boost::system::system_error&) {
    GTEST_SKIP() << "this machine has no IPv6";
  }
}

TEST_F(ProbeServerTest, KeepsAConnectionForSomeRequests) {
  ProbeLimits limits;
  limits.requests_per_connection = 3;
  serve(limits);
  RawClient asking = client();
  EXPECT_THAT(asking.ask(get("/readyz")), Not(HasSubstr("Connection: close")));
  EXPECT_THAT(asking.ask(get("/readyz")), Not(HasSubstr("Connection: close")));
  EXPECT_THAT(asking.ask(get("/readyz")), HasSubstr("Connection: close"));
  EXPECT_EQ(asking.rest(), "");
}

TEST_F(ProbeServerTest, ClosesWhenAskedTo) {
  serve();
  RawClient asking = client();
  asking.send(get("/readyz", "Connection: close\r\n"));
  EXPECT_THAT(asking.rest(), EndsWith("ok"));
  RawClient old = client();
  old.send("GET /readyz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.rest(), AllOf(StartsWith("HTTP/1.0 200"), EndsWith("ok")));
}

TEST_F(ProbeServerTest, AnswersRequestsThatCameTogether) {
  serve();
  RawClient asking = client();
  asking.send(get("/readyz") + get("/metrics") + get("/readyz", "Connection: close\r\n"));
  EXPECT_THAT(asking.answer(), EndsWith("ok"));
  EXPECT_THAT(asking.answer(), EndsWith("up 1\n"));
  EXPECT_THAT(asking.rest(), EndsWith("ok"));
}

TEST_F(ProbeServerTest, AHeadHasNoBody) {
  serve();
  RawClient asking = client();
  asking.send("HEAD /metrics HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(asking.rest(),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Length: 5\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(ProbeServerTest, StopsWhileConnected) {
  metrics_ = std::string(std::size_t{32} << 20, 'x');
  serve();
  RawClient idle = client();
  EXPECT_THAT(idle.ask(get("/readyz")), EndsWith("ok"));
  RawClient half = client();
  half.send("GET /readyz HT");
  RawClient reading = client();
  reading.send(get("/metrics"));
  RawClient refused = client();
  refused.send("hello\r\n\r\n");
  EXPECT_THAT(refused.answer(), StartsWith("HTTP/1.1 400 "));  // the server lingers now
  test::run_until(context_, [&] { return server_->connections() == 4; });
  const std::uint16_t port = server_->port();
  stop_.stop();
  test::run_out(context_);
  EXPECT_TRUE(ended_);
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_EQ(idle.rest(), "");
  EXPECT_THROW(RawClient(context_, port), boost::system::system_error);
}

TEST_F(ProbeServerTest, MayBeStoppedBeforeItRuns) {
  stop_.stop();
  serve();
  test::run_out(context_);
  EXPECT_TRUE(ended_);
}

TEST(ProbeServer, MayBeLeftInTheMiddle) {
  ProbePages pages;
  StopSource stop;
  asio::io_context context;
  std::optional<RawClient> asking;
  {
    Result<ProbeServer> server = ProbeServer::listen(context, "127.0.0.1:0", pages);
    ASSERT_TRUE(server);
    asio::co_spawn(context, server->run(stop.token()), [](const std::exception_ptr&) {});
    asking.emplace(context, server->port());
    asking->send("GET /readyz");
    test::run_until(context, [&] { return server->connections() == 1; });
  }
  asking.reset();
}  // the flows go with the io_context, after the server

TEST(ProbeServer, SaysWhichPortIsBusy) {
  ProbePages pages;
  asio::io_context context;
  const Result<ProbeServer> first = ProbeServer::listen(context, "127.0.0.1:0", pages);
  ASSERT_TRUE(first) << first.error().message;
  const std::string address = "127.0.0.1:" + std::to_string(first->port());
  const Result<ProbeServer> second = ProbeServer::listen(context, address, pages);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(address));
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
  const std::string everywhere = ":" + std::to_string(first->port());
  const Result<ProbeServer> third = ProbeServer::listen(context, everywhere, pages);
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().message, AllOf(HasSubstr(everywhere), HasSubstr("in use")));
}

TEST(ProbeServer, SaysWhatIsNoAddress) {
  ProbePages pages;
  asio::io_context context;
  for (const char* address : {"", "8080", ":", ":x", ":80x", ":65536", ":-1", "127.0.0.1", "127.0.0.1:", "localhost:80",
                              "::1:8080", "[::1]", "[127.0.0.1]:80", "[]:80", "[::1:80", "300.0.0.1:80"}) {
    const Result<ProbeServer> server = ProbeServer::listen(context, address, pages);
    ASSERT_FALSE(server) << address;
    EXPECT_EQ(server.error().code, Code::kInvalid) << address;
    EXPECT_THAT(server.error().message, HasSubstr("\"" + std::string(address) + "\"")) << address;
  }
  const Result<ProbeServer> elsewhere = ProbeServer::listen(context, "192.0.2.1:0", pages);  // not of this machine
  ASSERT_FALSE(elsewhere);
  EXPECT_THAT(elsewhere.error().message, HasSubstr("192.0.2.1:0"));
}

}  // namespace
}  // namespace pd::runtime
