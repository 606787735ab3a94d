#include "runtime/controller_metrics.h"

#include <gtest/gtest.h>

#include "tests/runtime/metric_value.h"
#include "tests/support/fake_clock.h"

namespace pd::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class QueueMetricsTest : public ::testing::Test {
 protected:
  double value(const std::string& name, const std::string& more = "") {
    const std::optional<double> found =
        test::metric(registry_.text(), "workqueue_" + name + R"({controller="pdd",name="pdd")" + more + "}");
    EXPECT_TRUE(found) << name << " is not in\n" << registry_.text();
    return found.value_or(-1);
  }

  test::FakeClock clock_;
  MetricsRegistry registry_;
  QueueMetrics queue_{registry_, clock_, "pdd"};
};

TEST_F(QueueMetricsTest, AllAreZeroAtTheStart) {
  for (const char* name :
       {"depth", "adds_total", "retries_total", "unfinished_work_seconds", "longest_running_processor_seconds",
        "queue_duration_seconds_count", "work_duration_seconds_count"}) {
    EXPECT_EQ(value(name), 0) << name;
  }
}

TEST_F(QueueMetricsTest, FollowsAKey) {
  queue_.added(1);
  EXPECT_EQ(value("depth"), 1);
  const Instant taken = queue_.taken(0, milliseconds(20));
  EXPECT_EQ(value("depth"), 0);
  clock_.advance(seconds(3));
  queue_.finished(taken);
  queue_.retried();
  EXPECT_EQ(value("adds_total"), 1);
  EXPECT_EQ(value("retries_total"), 1);
  EXPECT_DOUBLE_EQ(value("queue_duration_seconds_sum"), 0.02);
  EXPECT_DOUBLE_EQ(value("work_duration_seconds_sum"), 3);
  EXPECT_EQ(value("work_duration_seconds_bucket", R"(,le="1")"), 0);
  EXPECT_EQ(value("work_duration_seconds_bucket", R"(,le="10")"), 1);
}

TEST_F(QueueMetricsTest, TellsWhatIsNotFinished) {
  const Instant first = queue_.taken(0, {});
  clock_.advance(seconds(10));
  const Instant second = queue_.taken(0, {});
  clock_.advance(seconds(5));
  EXPECT_EQ(value("unfinished_work_seconds"), 20);
  EXPECT_EQ(value("longest_running_processor_seconds"), 15);
  queue_.finished(first);
  EXPECT_EQ(value("unfinished_work_seconds"), 5);
  EXPECT_EQ(value("longest_running_processor_seconds"), 5);
  queue_.finished(second);
  EXPECT_EQ(value("unfinished_work_seconds"), 0);
}

TEST_F(QueueMetricsTest, TwoTakenAtTheSameMomentAreTwo) {
  const Instant first = queue_.taken(0, {});
  const Instant second = queue_.taken(0, {});
  clock_.advance(seconds(1));
  queue_.finished(first);
  EXPECT_EQ(value("unfinished_work_seconds"), 1);
  queue_.finished(second);
  EXPECT_EQ(value("unfinished_work_seconds"), 0);
}

TEST_F(QueueMetricsTest, ACopyMeasuresTheSame) {
  const QueueMetrics copy = queue_;
  const Instant taken = copy.taken(3, {});
  clock_.advance(seconds(2));
  EXPECT_EQ(value("unfinished_work_seconds"), 2);
  queue_.finished(taken);
  EXPECT_EQ(value("unfinished_work_seconds"), 0);
  EXPECT_EQ(value("depth"), 3);
}

TEST(QueueMetrics, WithoutARegistryMeasuresNothing) {
  const QueueMetrics queue;
  queue.added(1);
  const Instant taken = queue.taken(0, {});
  queue.finished(taken);
  queue.retried();
  EXPECT_EQ(taken, Instant{});
}

class ReconcileMetricsTest : public ::testing::Test {
 protected:
  double total(const std::string& result) {
    return read("controller_runtime_reconcile_total{controller=\"pdd\",result=\"" + result + "\"}");
  }
  double value(const std::string& name) { return read("controller_runtime_" + name + "{controller=\"pdd\"}"); }
  double read(const std::string& name) {
    const std::optional<double> found = test::metric(registry_.text(), name);
    EXPECT_TRUE(found) << name << " is not in\n" << registry_.text();
    return found.value_or(-1);
  }
  void reconcile(ReconcileResult result) {
    metrics_.started();
    metrics_.finished(result, milliseconds(30));
  }

  MetricsRegistry registry_;
  ReconcileMetrics metrics_{registry_, "pdd", 4};
};

TEST_F(ReconcileMetricsTest, AllAreZeroAtTheStart) {
  for (const char* result : {"success", "error", "requeue", "requeue_after"}) EXPECT_EQ(total(result), 0) << result;
  for (const char* name : {"reconcile_errors_total", "terminal_reconcile_errors_total", "reconcile_panics_total",
                           "active_workers", "reconcile_time_seconds_count"}) {
    EXPECT_EQ(value(name), 0) << name;
  }
  EXPECT_EQ(value("max_concurrent_reconciles"), 4);
}

TEST_F(ReconcileMetricsTest, KnowsWhoWorks) {
  metrics_.started();
  metrics_.started();
  EXPECT_EQ(value("active_workers"), 2);
  metrics_.finished(ReconcileResult::kSuccess, milliseconds(30));
  EXPECT_EQ(value("active_workers"), 1);
  EXPECT_EQ(value("reconcile_time_seconds_count"), 1);
  EXPECT_EQ(read(R"(controller_runtime_reconcile_time_seconds_bucket{controller="pdd",le="0.025"})"), 0);
  EXPECT_EQ(read(R"(controller_runtime_reconcile_time_seconds_bucket{controller="pdd",le="0.05"})"), 1);
}

TEST_F(ReconcileMetricsTest, CountsByResult) {
  reconcile(ReconcileResult::kSuccess);
  reconcile(ReconcileResult::kRequeue);
  reconcile(ReconcileResult::kRequeueAfter);
  EXPECT_EQ(total("success"), 1);
  EXPECT_EQ(total("requeue"), 1);
  EXPECT_EQ(total("requeue_after"), 1);
  EXPECT_EQ(value("reconcile_errors_total"), 0);
}

// As in controller-runtime: terminal errors and panics are errors as well.
TEST_F(ReconcileMetricsTest, CountsErrors) {
  reconcile(ReconcileResult::kError);
  reconcile(ReconcileResult::kTerminalError);
  reconcile(ReconcileResult::kPanic);
  EXPECT_EQ(total("error"), 3);
  EXPECT_EQ(value("reconcile_errors_total"), 3);
  EXPECT_EQ(value("terminal_reconcile_errors_total"), 1);
  EXPECT_EQ(value("reconcile_panics_total"), 1);
}

TEST(ReconcileMetrics, WithoutARegistryMeasuresNothing) {
  const ReconcileMetrics metrics;
  metrics.started();
  metrics.finished(ReconcileResult::kError, milliseconds(1));
  SUCCEED() << "did not crash";
}

TEST(ElectionMetrics, TellsWhoLeads) {
  MetricsRegistry registry;
  const ElectionMetrics election(registry, "pd-operator");
  const std::string name = "leader_election_master_status{name=\"pd-operator\"}";
  EXPECT_EQ(test::metric(registry.text(), name), 0);
  election.leading(true);
  EXPECT_EQ(test::metric(registry.text(), name), 1);
  election.leading(false);
  EXPECT_EQ(test::metric(registry.text(), name), 0);
}

}  // namespace
}  // namespace pd::runtime
