// What the operator measures of its tables. Made without a registry it measures nothing.
// Owner: the controller. Thread: the io_context's.
#pragma once

#include <map>
#include <string>

#include "operator/stores.h"
#include "runtime/metrics.h"

namespace pd::op {

class TableMetrics {
 public:
  TableMetrics() = default;
  // What it is given must outlive the registry: a deployment's table is read from the stores when it is asked for, so
  // that the series of one that is gone are gone too.
  TableMetrics(runtime::MetricsRegistry& registry, const Stores& stores, const Clock& clock);

  void published(const Status& written) const;
  void suppressed() const { suppressed_.add(); }
  void took(Duration latency) const { latency_.observe(latency); }
  // The NPUs of a pod were refused, for a reason that the condition DevicesDiscovered can have.
  void rejected(const std::string& reason) const;

 private:
  std::map<std::string, runtime::Counter> published_;
  std::map<std::string, runtime::Counter> rejected_;
  runtime::Counter suppressed_;
  runtime::Histogram latency_;
};

}  // namespace pd::op
