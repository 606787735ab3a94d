// What CpprestTransport does with its connections and its token over time.
#include <gmock/gmock.h>

#include "tests/kube/tls_fixture.h"
#include "tests/support/temporary_folder.h"

namespace pd::kube {
namespace {

using test::Connection;
using test::RawRequest;
using test::run_until;
using ::testing::HasSubstr;

class CpprestConnection : public test::TransportTest {
 protected:
  void use(const CpprestTransport::Timing& timing) {
    transport_ = std::make_unique<CpprestTransport>(context_, config_, "pd-test/1", timing);
  }
  // 401 to all but `token`.
  void serve_token(const std::string& token) {
    serve([this, token](Connection& connection) -> asio::awaitable<void> {
      while (true) {
        RawRequest request = co_await connection.read_request();
        const bool known = request.has("Authorization:Bearer " + token);
        const bool is_stream = request.head.starts_with("GET /watch ");
        requests_.push_back(std::move(request));
        if (known && is_stream) {
          co_await connection.start_stream();
          co_await connection.end_stream();
        } else {
          co_await connection.answer(known ? "200 OK" : "401 Unauthorized", "{}");
        }
      }
    });
  }
  std::vector<RawRequest> requests_;
  test::TemporaryFolder folder_;
};

// The library sends a request again when a connection that it kept dies before the answer, whatever the method.
TEST_F(CpprestConnection, APostMayComeTwice) {
  serve([this](Connection& connection) -> asio::awaitable<void> {
    while (true) {
      RawRequest request = co_await connection.read_request();
      if (request.head.starts_with("GET ")) {
        co_await connection.answer("200 OK", "{}");
        continue;
      }
      requests_.push_back(std::move(request));
      if (requests_.size() == 1) co_return;  // done, but not told
      co_await connection.answer("409 Conflict", R"({"reason":"AlreadyExists"})");
    }
  });
  // The library gives a connection back just after it has answered: a POST may need a new one, and that fails plainly.
  for (int i = 0; i < 100 && requests_.size() < 2; ++i) {
    requests_.clear();
    ASSERT_TRUE(get("/"));
    HttpRequest post{"POST", "/pods", "application/json", "application/json", "{}"};
    const Result<HttpResponse> answer = send(std::move(post));
    if (answer) {
      EXPECT_EQ(answer->status, 409);
    }
  }
  EXPECT_EQ(requests_.size(), 2U);
}

TEST_F(CpprestConnection, AreNotKeptForEver) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    while (true) {
      (void)co_await connection.read_request();
      co_await connection.answer("200 OK", "{}");
    }
  });
  use({.recycle = Duration::zero()});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(get("/"));
  EXPECT_EQ(server_->connections(), 5);
  // The old ones are closed, not only left.
  run_until(context_, [this] { return server_->open() <= 1; });
}

// A request that began before goes on.
TEST_F(CpprestConnection, ARequestOutlivesItsPool) {
  bool go_on = false;
  serve([&](Connection& connection) -> asio::awaitable<void> {
    const RawRequest request = co_await connection.read_request();
    while (request.head.starts_with("GET /slow ") && !go_on) co_await asio::post(context_, asio::use_awaitable);
    co_await connection.answer("200 OK", "{}");
  });
  use({.recycle = Duration::zero()});
  std::optional<Result<HttpResponse>> slow;
  HttpRequest request{"GET", "/slow"};
  test::start(context_, transport().send(std::move(request), test::kTestLimit, stop_.token()), slow);
  run_until(context_, [this] { return server_->connections() == 1; });
  ASSERT_TRUE(get("/fast"));
  go_on = true;
  run_until(context_, [&] { return slow.has_value(); });
  EXPECT_TRUE(*slow) << slow->error().message;
}

// One transport for the lease, one for the rest: what hangs or is cancelled in one does not touch the other.
TEST_F(CpprestConnection, TwoTransportsShareNone) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    while (true) {
      const RawRequest request = co_await connection.read_request();
      if (request.head.starts_with("GET /lease ")) co_await connection.answer("200 OK", "{}");
    }
  });
  CpprestTransport lease(context_, config_, "pd-test/1");
  std::vector<std::optional<Result<HttpResponse>>> lists(20);
  for (auto& list : lists) {
    HttpRequest request{"GET", "/list"};
    test::start(context_, transport().send(std::move(request), test::kTestLimit, stop_.token()), list);
  }
  run_until(context_, [this] { return server_->connections() == 20; });
  const auto ask = [&] {
    HttpRequest request{"GET", "/lease"};
    return test::run_to_end(context_, lease.send(std::move(request), std::chrono::seconds(5), stop_.token()));
  };
  EXPECT_TRUE(ask());
  transport_.reset();
  run_until(context_,
            [&] { return std::all_of(lists.begin(), lists.end(), [](auto& list) { return list.has_value(); }); });
  EXPECT_TRUE(ask());
}

TEST_F(CpprestConnection, AReplacedTokenIsReadAfterARefusal) {
  serve_token("new");
  config_.token_file = folder_.write("token", "old\n");
  ASSERT_EQ(get("/")->status, 401);
  ASSERT_EQ(requests_.size(), 1U);  // the file says the same: another try would be the same
  folder_.write("token", "new\n");
  HttpRequest post{"POST", "/pods", "application/json", "application/json", "{\"a\":1}"};
  const Result<HttpResponse> answer = send(std::move(post));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  ASSERT_EQ(requests_.size(), 3U);
  EXPECT_EQ(requests_[2].body, "{\"a\":1}");
  ASSERT_EQ(get("/")->status, 200);
  EXPECT_EQ(requests_.size(), 4U);
}

// Between the two, the leadership may have ended.
TEST_F(CpprestConnection, AWriteIsNotSentAgainWhenItMayNotStartAnyMore) {
  serve_token("new");
  config_.token_file = folder_.write("token", "old");
  ASSERT_EQ(get("/")->status, 401);
  folder_.write("token", "new");
  int asked = 0;
  HttpRequest post{"POST", "/pods", "application/json", "application/json", "{}"};
  post.may_start = [&asked] { return ++asked == 1; };
  const Result<HttpResponse> answer = send(std::move(post));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(requests_.size(), 2U);
}

TEST_F(CpprestConnection, AStreamReadsAReplacedTokenToo) {
  serve_token("new");
  config_.token_file = folder_.write("token", "old");
  ASSERT_EQ(get("/")->status, 401);
  folder_.write("token", "new");
  Result<StreamResponse> stream = open("/watch");
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(stream->head.status, 200);
  EXPECT_NE(stream->lines, nullptr);
}

TEST_F(CpprestConnection, ARefusalIsTriedOnceMoreAndNotForEver) {
  serve_token("never");
  config_.token_file = folder_.write("token", "first");
  ASSERT_EQ(get("/")->status, 401);
  folder_.write("token", "second");
  ASSERT_EQ(get("/")->status, 401);
  EXPECT_EQ(requests_.size(), 3U);
}

TEST_F(CpprestConnection, WithoutItsTokenFileNothingIsSent) {
  serve_token("any");
  config_.token_file = folder_.path() + "/missing";
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("/missing"));
  EXPECT_TRUE(requests_.empty());
}

TEST_F(CpprestConnection, LogsEachWarningOnce) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    while (true) {
      (void)co_await connection.read_request();
      co_await connection.answer("200 OK", "{}", "Warning: 299 - \"v1alpha1 is deprecated\"\r\n");
    }
  });
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(get("/old"));
  const std::string logged = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(logged, HasSubstr("v1alpha1 is deprecated"));
  EXPECT_THAT(logged, HasSubstr("GET /old"));
  EXPECT_EQ(logged.find("deprecated"), logged.rfind("deprecated"));
}

}  // namespace
}  // namespace pd::kube
