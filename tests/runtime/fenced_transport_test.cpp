#include "runtime/fenced_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FencedTransportTest : public ::testing::Test {
 protected:
  Result<kube::HttpResponse> send(const std::string& method) {
    kube::HttpRequest request{method, "/api/v1/pods"};
    return test::run_to_end(context_, fenced_.send(std::move(request), std::chrono::seconds(5), {}));
  }

  asio::io_context context_;
  test::ScriptedTransport real_;
  bool leads_ = true;
  FencedTransport fenced_{real_, [this] { return leads_; }};
};

TEST_F(FencedTransportTest, LetsALeaderWrite) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    real_.reply(std::string(method) + " /api/v1/pods", test::json_reply(200, Json::object()));
    EXPECT_TRUE(send(method)) << method;
  }
  EXPECT_EQ(fenced_.refused(), 0);
}

TEST_F(FencedTransportTest, SendsNoWriteOfOneThatDoesNotLead) {
  leads_ = false;
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "ANYTHING"}) {
    const Result<kube::HttpResponse> refused = send(method);
    ASSERT_FALSE(refused) << method;
    EXPECT_EQ(refused.error().code, Code::kCancelled);
    EXPECT_THAT(refused.error().message, HasSubstr(std::string(method) + " /api/v1/pods"));
  }
  EXPECT_THAT(real_.requests(), IsEmpty());
  EXPECT_EQ(fenced_.refused(), 5);
}

TEST_F(FencedTransportTest, LetsAnybodyReadAndWatch) {
  leads_ = false;
  real_.reply("GET /api/v1/pods", test::json_reply(200, Json::object()));
  EXPECT_TRUE(send("GET"));
  real_.reply_stream("WATCH /api/v1/pods");
  kube::HttpRequest watch{"GET", "/api/v1/pods?watch=true"};
  EXPECT_TRUE(test::run_to_end(context_, fenced_.open(std::move(watch), std::chrono::seconds(5), {})));
}

// What was prepared while this process led, and starts later, is judged when it starts.
TEST_F(FencedTransportTest, AsksWhenTheRequestStarts) {
  real_.reply("PUT /api/v1/pods", test::json_reply(200, Json::object()));
  kube::HttpRequest request{"PUT", "/api/v1/pods"};
  asio::awaitable<Result<kube::HttpResponse>> prepared = fenced_.send(std::move(request), std::chrono::seconds(5), {});
  leads_ = false;
  EXPECT_FALSE(test::run_to_end(context_, std::move(prepared)));
  EXPECT_THAT(real_.requests(), IsEmpty());
}

TEST_F(FencedTransportTest, IsAskedAgainWhenAWriteIsSentAgain) {
  real_.reply("PUT /api/v1/pods", test::json_reply(200, Json::object()));
  ASSERT_TRUE(send("PUT"));
  const std::function<bool()>& may_start = real_.last("PUT /api/v1/pods").request.may_start;
  EXPECT_TRUE(may_start());
  leads_ = false;
  EXPECT_FALSE(may_start());
}

// Whoever waits for the writes to end before it gives the lease away must not be told so too early.
TEST_F(FencedTransportTest, WaitsForAWriteThatIsUnderWayThoughStopped) {
  StopSource stop;
  std::optional<Result<kube::HttpResponse>> put;
  std::optional<Result<kube::HttpResponse>> get;
  std::optional<Result<kube::HttpResponse>> dry;
  kube::HttpRequest write{"PUT", "/api/v1/pods"};
  kube::HttpRequest read{"GET", "/api/v1/pods"};
  test::start(context_, fenced_.send(std::move(write), std::chrono::milliseconds(20), stop.token()), put);
  test::start(context_, fenced_.send(std::move(read), std::chrono::seconds(600), stop.token()), get);
  kube::HttpRequest trial{"POST", "/api/v1/pods?dryRun=All"};
  test::start(context_, fenced_.send(std::move(trial), std::chrono::seconds(600), stop.token()), dry);
  test::settle(context_);
  stop.stop();
  test::run_out(context_);
  EXPECT_EQ(dry.value().error().code, Code::kCancelled) << "nothing comes of it";
  EXPECT_EQ(put.value().error().code, Code::kTimeout);
  EXPECT_EQ(get.value().error().code, Code::kCancelled);
}

}  // namespace
}  // namespace pd::runtime
