// What pd-agent counts, under the names of docs/monitoring.md. Made without a registry they count nothing.
// The registry outlives them. Thread: the io_context's one thread.
#pragma once

#include <string_view>

#include "npu/inventory.h"
#include "runtime/metrics.h"

namespace pd::agent {

// How the sources of devices and owners answer: those of the inventory by their names, "pod_resources", "checkpoint".
class SourceMetrics {
 public:
  SourceMetrics() = default;
  explicit SourceMetrics(runtime::MetricsRegistry& registry);

  void answered(std::string_view source, Duration took) const;
  void failed(std::string_view source, const Error& why) const;

 private:
  runtime::MetricsRegistry* registry_ = nullptr;
};

class PublishMetrics {
 public:
  PublishMetrics() = default;
  explicit PublishMetrics(runtime::MetricsRegistry& registry);

  void wrote() const { written_.add(); }
  void failed() const { failed_.add(); }
  // Each device counts once: "unhealthy", else "no_address", else "link_down", else "ok".
  void devices(const npu::Inventory& inventory) const;

 private:
  runtime::Counter written_;
  runtime::Counter failed_;
  runtime::Gauge ok_;
  runtime::Gauge no_address_;
  runtime::Gauge link_down_;
  runtime::Gauge unhealthy_;
};

}  // namespace pd::agent
