// CpprestTransport's single exchanges, against a server of bare bytes.
#include <gmock/gmock.h>

#include "tests/kube/transport_fixture.h"
#include "tests/support/temporary_folder.h"

namespace pd::kube {
namespace {

using test::Connection;
using test::RawRequest;
using test::run_until;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CpprestRequest : public test::TransportTest {
 protected:
  // Answers each request by `status` and `body`, and keeps what was asked.
  void answer_all(const std::string& status, const std::string& body, const std::string& headers = "") {
    serve([this, status, body, headers](Connection& connection) -> asio::awaitable<void> {
      while (true) {
        RawRequest request = co_await connection.read_request();
        requests_.push_back(std::move(request));
        co_await connection.answer(status, body, headers);
      }
    });
  }
  void never_answer() {
    serve([this](Connection& connection) -> asio::awaitable<void> {
      RawRequest request = co_await connection.read_request();
      requests_.push_back(std::move(request));
      co_await connection.wait_for_close();
    });
  }
  std::vector<RawRequest> requests_;
};

TEST_F(CpprestRequest, HasAnOrdinaryAnswer) {
  config_.token = "secret";
  answer_all("200 OK", "{\"kind\":\"PodList\"}");
  const Result<HttpResponse> answer = get("/api/v1/pods?limit=500&labelSelector=a%2Fb%3Dc%20d");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "{\"kind\":\"PodList\"}");
  EXPECT_EQ(answer->retry_after, std::nullopt);
  const RawRequest& request = requests_.at(0);
  EXPECT_THAT(request.head, StartsWith("GET /api/v1/pods?limit=500&labelSelector=a%2Fb%3Dc%20d HTTP/1.1\r\n"));
  EXPECT_TRUE(request.has("Authorization:Bearer secret")) << request.head;
  EXPECT_TRUE(request.has("User-Agent:pd-test/1")) << request.head;
  EXPECT_TRUE(request.has("Accept:application/json")) << request.head;
  EXPECT_TRUE(request.has("Accept-Encoding:identity")) << request.head;
  EXPECT_TRUE(request.has("Host: 127.0.0.1:" + std::to_string(server_->port()))) << request.head;
  EXPECT_EQ(request.body, "");
}

TEST_F(CpprestRequest, AsksWhetherItMayStart) {
  answer_all("200 OK", "{}");
  HttpRequest request{"PUT", "/a", "application/json", "application/json", "{}"};
  request.may_start = [] { return false; };
  const Result<HttpResponse> refused = send(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCancelled);
  EXPECT_THAT(refused.error().message, HasSubstr("not sent"));
  EXPECT_TRUE(requests_.empty());
  request.may_start = [] { return true; };
  EXPECT_TRUE(send(request));
}

TEST_F(CpprestRequest, SendsABody) {
  answer_all("201 Created", "{}");
  const std::string body(100000, 'x');
  HttpRequest request{"PATCH", "/a", "application/json", "application/merge-patch+json", body};
  const Result<HttpResponse> answer = send(std::move(request));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_THAT(requests_.at(0).head, StartsWith("PATCH /a HTTP/1.1\r\n"));
  EXPECT_TRUE(requests_.at(0).has("Content-Type:application/merge-patch+json")) << requests_.at(0).head;
  EXPECT_TRUE(requests_.at(0).body == body) << requests_.at(0).body.size();
}

TEST_F(CpprestRequest, SendsNoAuthorizationWithoutAToken) {
  answer_all("200 OK", "{}");
  ASSERT_TRUE(get("/"));
  EXPECT_EQ(requests_.at(0).head.find("Authorization"), std::string::npos);
}

TEST_F(CpprestRequest, ReadsItsTokenFromAFile) {
  const test::TemporaryFolder folder;
  config_.token_file = folder.write("token", "from-file\n");
  answer_all("200 OK", "{}");
  ASSERT_TRUE(get("/"));
  EXPECT_TRUE(requests_.at(0).has("Authorization:Bearer from-file")) << requests_.at(0).head;
}

TEST_F(CpprestRequest, KeepsThePathOfTheServersUrl) {
  answer_all("200 OK", "{}");
  config_.server += "/k8s/clusters/c-1";
  ASSERT_TRUE(get("/api/v1/pods?a=b"));
  EXPECT_THAT(requests_.at(0).head, StartsWith("GET /k8s/clusters/c-1/api/v1/pods?a=b HTTP/1.1\r\n"));
}

TEST_F(CpprestRequest, PassesOnARefusal) {
  answer_all("429 Too Many Requests", "slow down", "Retry-After: 7\r\n");
  const Result<HttpResponse> answer = get("/");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->body, "slow down");
  EXPECT_EQ(answer->retry_after, std::chrono::seconds(7));
}

TEST_F(CpprestRequest, ReadsAChunkedAnswer) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.start_stream();
    const std::string part(300000, 'y');
    for (int i = 0; i < 10; ++i) co_await connection.chunk(part);
    co_await connection.end_stream();
    co_await connection.wait_for_close();
  });
  const Result<HttpResponse> answer = get("/");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->body == std::string(3000000, 'y')) << answer->body.size();
}

// The library gives a connection back after it has answered: the next request may come just before that.
TEST_F(CpprestRequest, UsesItsConnectionsAgain) {
  answer_all("200 OK", "{}");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(get("/" + std::to_string(i))) << i;
  EXPECT_EQ(requests_.size(), 100U);
  EXPECT_LT(server_->connections(), 20);
}

TEST_F(CpprestRequest, SendsManyAtATime) {
  answer_all("200 OK", "{}");
  std::vector<std::optional<Result<HttpResponse>>> answers(50);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    HttpRequest request{"GET", "/" + std::to_string(i)};
    test::start(context_, transport().send(std::move(request), test::kTestLimit, stop_.token()), answers[i]);
  }
  run_until(context_, [&] { return std::all_of(answers.begin(), answers.end(), [](auto& a) { return a && *a; }); });
}

TEST_F(CpprestRequest, DoesNotFollowARedirect) {
  config_.token = "secret";
  int elsewhere = 0;
  test::RawServer other(context_, [&elsewhere](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    ++elsewhere;
    co_await connection.answer("200 OK", "{}");
  });
  answer_all("302 Found", "", "Location: " + other.url() + "/\r\n");
  const Result<HttpResponse> answer = get("/");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);
  context_.poll();
  EXPECT_EQ(elsewhere, 0);
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(CpprestRequest, EndsAtItsDeadline) {
  never_answer();
  const Result<HttpResponse> answer = get("/api", std::chrono::milliseconds(50));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kTimeout);
  EXPECT_THAT(answer.error().message, HasSubstr("GET /api"));
  expect_closed();
}

TEST_F(CpprestRequest, ADeadlineIsForTheWholeAnswer) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.start_stream();
    co_await connection.flood("drip");  // never silent, never done
  });
  const Result<HttpResponse> answer = get("/", std::chrono::milliseconds(50));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().code, ::testing::AnyOf(Code::kTimeout, Code::kUnavailable));
  expect_closed();
}

TEST_F(CpprestRequest, StopsWhileItWaitsForTheHead) {
  never_answer();
  asio::co_spawn(
      context_,
      [this]() -> asio::awaitable<void> {
        while (requests_.empty()) co_await asio::post(context_, asio::use_awaitable);
        stop_.stop();
      },
      asio::detached);
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  expect_closed();
}

TEST_F(CpprestRequest, StopsWhileItWaitsForTheBody) {
  serve([this](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    stop_.stop();
    co_await connection.wait_for_close();
  });
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  expect_closed();
}

TEST_F(CpprestRequest, SendsNothingOnceStopped) {
  answer_all("200 OK", "{}");
  stop_.stop();
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  const Result<StreamResponse> stream = open("/");
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::kCancelled);
  stop_ = StopSource();
  ASSERT_TRUE(get("/first"));
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_THAT(requests_.at(0).head, StartsWith("GET /first "));
}

TEST_F(CpprestRequest, RefusesABodyOverTheLimit) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.start_stream();
    const std::string part(std::size_t{1} << 20, 'z');
    co_await connection.flood(part);
  });
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("larger than is accepted"));
  expect_closed();
}

TEST_F(CpprestRequest, SaysThatTheConnectionBroke) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
  });
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr(config_.server));
}

TEST_F(CpprestRequest, SaysThatNobodyListens) {
  {
    asio::ip::tcp::acceptor unused(context_, {asio::ip::address_v4::loopback(), 0});
    config_.server = "http://127.0.0.1:" + std::to_string(unused.local_endpoint().port());
  }
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_EQ(answer.error().reason, kNotConnected);
  EXPECT_THAT(answer.error().message, HasSubstr("not running there, or not reachable"));
}

TEST_F(CpprestRequest, RefusesATargetThatIsNone) {
  answer_all("200 OK", "{}");
  const Result<HttpResponse> answer = get("/a b?c=\xff");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kInternal);
}

// It may come: callers try again.
TEST_F(CpprestRequest, ATokenFileThatIsNotThereIsNoAnswer) {
  answer_all("200 OK", "{}");
  const test::TemporaryFolder folder;
  config_.token_file = folder.path() + "/token";
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr(config_.token_file));
  EXPECT_EQ(server_->connections(), 0);
}

TEST_F(CpprestRequest, RefusesAServerThatIsNone) {
  for (const char* server : {"", "10.0.0.1", "https://a b", "ftp://a"}) {
    config_.server = server;
    const Result<HttpResponse> answer = get("/");
    ASSERT_FALSE(answer) << server;
    EXPECT_EQ(answer.error().code, Code::kInternal) << server;
    transport_.reset();
  }
}

}  // namespace
}  // namespace pd::kube
