// What a controller and its work queue measure, under the names and with the buckets of Go's controller-runtime, so
// that dashboards made for it work. Made without a registry they measure nothing.
//
//   QueueMetrics queue(registry, clock, "pddeployment");
//   queue.added(depth);  const Instant taken = queue.taken(depth, now - added);  ...  queue.finished(taken);
//   ReconcileMetrics reconciles(registry, "pddeployment", 4);
//   reconciles.started();  ...  reconciles.finished(ReconcileResult::kSuccess, now - started);
//
// Owner: whoever is measured, by value. Thread: the io_context's.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "runtime/metrics.h"

namespace pd::runtime {

class QueueMetrics {
 public:
  QueueMetrics() = default;
  // `clock` must outlive the registry: what is unfinished is measured when it is asked for.
  QueueMetrics(MetricsRegistry& registry, const Clock& clock, const std::string& name);

  // A key was added that was not waiting yet; `depth` keys wait now.
  void added(std::size_t depth) const;
  // A key went into work after having waited for `waited`; `depth` keys still wait. What is answered is handed back
  // when the work has ended.
  [[nodiscard]] Instant taken(std::size_t depth, Duration waited) const;
  void finished(Instant taken) const;
  // A key was put back because its work failed.
  void retried() const;

 private:
  struct InWork;
  std::shared_ptr<InWork> in_work_;  // null: nothing is measured
  Gauge depth_;
  Counter adds_;
  Histogram waits_;
  Histogram works_;
  Counter retries_;
};

enum class ReconcileResult {
  kSuccess,
  kRequeue,        // again, after the queue's back-off
  kRequeueAfter,   // again, at a time that the reconcile named
  kError,          // again, after the queue's back-off
  kTerminalError,  // not again
  kPanic,          // an exception got out of it; again, as for an error
};

class ReconcileMetrics {
 public:
  ReconcileMetrics() = default;
  ReconcileMetrics(MetricsRegistry& registry, const std::string& controller, int workers);

  void started() const;
  void finished(ReconcileResult result, Duration worked) const;

 private:
  std::array<Counter, 4> totals_;  // by label
  Counter errors_;
  Counter terminal_errors_;
  Counter panics_;
  Histogram time_;
  Gauge active_;
};

// 1 while this process is the leader of the lease of that name.
class ElectionMetrics {
 public:
  ElectionMetrics() = default;
  ElectionMetrics(MetricsRegistry& registry, const std::string& lease);

  void leading(bool leads) const;

 private:
  Gauge leads_;
};

}  // namespace pd::runtime
