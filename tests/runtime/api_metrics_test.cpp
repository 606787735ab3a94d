#include "runtime/api_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/counting_transport.h"
#include "runtime/process_metrics.h"
#include "tests/runtime/metric_value.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::runtime {
namespace {

using std::chrono::seconds;

double requests(const MetricsRegistry& registry, const std::string& method, const std::string& code) {
  const std::string labels = R"({code=")" + code + R"(",host="10.96.0.1:443",method=")" + method + "\"}";
  return test::metric(registry.text(), "rest_client_requests_total" + labels).value_or(0);
}

class CountingTransportTest : public ::testing::Test {
 protected:
  boost::asio::io_context context_;
  StopSource stop_;
  test::ScriptedTransport real_;
  MetricsRegistry registry_;
  CountingTransport transport_{real_, RequestMetrics(registry_, "https://10.96.0.1:443/api")};
};

TEST_F(CountingTransportTest, CountsAnswersByMethodAndCode) {
  real_.reply("POST /api/v1/pods", test::status_reply(409, "AlreadyExists"));
  real_.reply("POST /api/v1/pods", test::json_reply(201, Json::object()));
  real_.reply("POST /api/v1/pods", test::json_reply(201, Json::object()));
  for (const int status : {409, 201, 201}) {
    kube::HttpRequest request{"POST", "/api/v1/pods"};
    const auto answer = test::run_to_end(context_, transport_.send(std::move(request), seconds(1), stop_.token()));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, status);
  }
  EXPECT_EQ(requests(registry_, "POST", "201"), 2);
  EXPECT_EQ(requests(registry_, "POST", "409"), 1);
}

TEST_F(CountingTransportTest, CountsWhatGotNoAnswer) {
  real_.reply("GET /api/v1/pods", Error{Code::kUnavailable, "no connection"});
  real_.reply("WATCH /api/v1/pods", Error{Code::kUnavailable, "no connection"});
  kube::HttpRequest request{"GET", "/api/v1/pods"};
  EXPECT_FALSE(test::run_to_end(context_, transport_.send(request, seconds(1), stop_.token())));
  EXPECT_FALSE(test::run_to_end(context_, transport_.open(request, seconds(1), stop_.token())));
  EXPECT_EQ(requests(registry_, "GET", "<error>"), 2);
}

TEST_F(CountingTransportTest, CountsAWatchOnceAndHandsItsLinesOn) {
  real_.reply_stream("WATCH /api/v1/pods", {"one"});
  kube::HttpRequest request{"GET", "/api/v1/pods?watch=1"};
  Result<kube::StreamResponse> opened =
      test::run_to_end(context_, transport_.open(std::move(request), seconds(1), stop_.token()));
  ASSERT_TRUE(opened);
  ASSERT_NE(opened->lines, nullptr);
  const auto line = test::run_to_end(context_, opened->lines->next(seconds(1)));
  ASSERT_TRUE(line);
  EXPECT_EQ(*line, "one");
  EXPECT_EQ(requests(registry_, "GET", "200"), 1);
}

TEST(RequestMetrics, WithoutARegistryMeasuresNothing) {
  const RequestMetrics metrics;
  metrics.answered("GET", 200);
  metrics.failed("GET");
  SUCCEED() << "did not crash";
}

TEST(WatchMetrics, CountsRestartsByReason) {
  MetricsRegistry registry;
  const WatchMetrics watches(registry, "Pod");
  const auto restarts = [&registry](const std::string& reason) {
    return test::metric(registry.text(), R"(pd_operator_watch_restarts_total{kind="Pod",reason=")" + reason + "\"}");
  };
  for (const char* reason : {"ended", "silent", "failed", "gone", "unreadable"}) {
    EXPECT_EQ(restarts(reason), 0) << reason;
  }
  watches.restarted("ended");
  watches.restarted("gone");
  watches.restarted("gone");
  watches.objects(12);
  EXPECT_EQ(restarts("ended"), 1);
  EXPECT_EQ(restarts("gone"), 2);
  EXPECT_EQ(restarts("failed"), 0);
  EXPECT_EQ(test::metric(registry.text(), "pd_operator_cache_objects{kind=\"Pod\"}"), 12);
}

TEST(WatchMetrics, WithoutARegistryMeasuresNothing) {
  const WatchMetrics watches;
  watches.restarted("gone");
  watches.objects(1);
  SUCCEED() << "did not crash";
}

TEST(ProcessMetrics, TellOfThisProcess) {
  MetricsRegistry registry;
  add_process_metrics(registry);
  const std::string before = registry.text();
  // What a test of some milliseconds can be sure of: megabytes of memory, a few files, a start in this century.
  EXPECT_GT(test::metric(before, "process_resident_memory_bytes").value_or(0), 1e6);
  EXPECT_GE(test::metric(before, "process_virtual_memory_bytes").value_or(0),
            test::metric(before, "process_resident_memory_bytes").value_or(0));
  EXPECT_GE(test::metric(before, "process_open_fds").value_or(0), 3);
  EXPECT_GE(test::metric(before, "process_max_fds").value_or(0), test::metric(before, "process_open_fds").value_or(0));
  EXPECT_GT(test::metric(before, "process_start_time_seconds").value_or(0), 1.0e9);
  const int more = dup(0);
  const double cpu = test::metric(before, "process_cpu_seconds_total").value_or(-1);
  const std::string after = registry.text();
  close(more);
  EXPECT_GE(cpu, 0);
  EXPECT_GE(test::metric(after, "process_cpu_seconds_total").value_or(-1), cpu);
  EXPECT_EQ(test::metric(after, "process_open_fds").value_or(0),
            test::metric(before, "process_open_fds").value_or(0) + 1);
}

}  // namespace
}  // namespace pd::runtime
