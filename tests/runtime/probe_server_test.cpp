#include "runtime/probe_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "runtime/heartbeat.h"
#include "runtime/spawn.h"
#include "tests/support/run_to_end.h"
#include "tests/support/virtual_clock.h"

namespace pd::runtime {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A client of bytes, on the server's io_context: what it sends waits in the kernel until the server runs.
class RawClient {
 public:
  RawClient(asio::io_context& context, std::uint16_t port, const std::string& address = "127.0.0.1")
      : context_(context), socket_(context) {
    socket_.connect({asio::ip::make_address(address), port});
  }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  void finish_sending() { socket_.shutdown(tcp::socket::shutdown_send); }
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
  tcp::socket socket_;
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

TEST(Heartbeat, FailsWhenItHasNotBeatenForLong) {
  asio::io_context context;
  VirtualTime& time = VirtualTime::install(context);
  const test::VirtualClock clock(time);
  StopSource stop;
  Heartbeat heartbeat(clock);
  spawn(context, heartbeat.run(stop.token()));
  time.advance_to(time.now() + seconds(60));  // before it could begin
  ASSERT_FALSE(heartbeat.check());
  EXPECT_THAT(heartbeat.check().error().message, HasSubstr("60 s"));
  test::settle(context);
  EXPECT_TRUE(heartbeat.check());
  time.advance_to(time.now() + seconds(29));  // its timer has run, it has not gone on yet
  EXPECT_TRUE(heartbeat.check());
  time.advance_to(time.now() + seconds(1));
  EXPECT_FALSE(heartbeat.check());
  test::settle(context);
  EXPECT_TRUE(heartbeat.check());
  stop.stop();
  test::run_out(context);
}

TEST(Heartbeat, AllowsNoLongerSilenceWhenItBeatsLessOften) {
  asio::io_context context;
  VirtualTime& time = VirtualTime::install(context);
  const test::VirtualClock clock(time);
  StopSource stop;
  Heartbeat heartbeat(clock, seconds(5));
  spawn(context, heartbeat.run(stop.token()));
  test::settle(context);
  for (int beat = 0; beat < 20; ++beat) {
    EXPECT_TRUE(heartbeat.check());
    time.advance_to(time.now() + seconds(5));
    test::settle(context);
  }
  time.advance_to(time.now() + seconds(29));
  EXPECT_TRUE(heartbeat.check());
  time.advance_to(time.now() + seconds(1));
  EXPECT_FALSE(heartbeat.check());
  stop.stop();
  test::run_out(context);
}

}  // namespace
}  // namespace pd::runtime
