// What a program shows of itself: its metrics, its checks, and the port where kubelet and Prometheus ask for both.
//
//   Monitoring monitoring(io, clock);
//   monitoring.pages().readiness().add("caches", [&]() -> Status { ... });
//   Counter tables = monitoring.metrics().counter(...);
//   if (const Status listens = monitoring.listen(":8080"); !listens) return listens.error();
//   spawn(io, monitoring.run(stop));   // stopped last, so that it answers until the end
//
// What the checks capture must live until run() has ended. Owner: the program. Thread: the io_context's.
#pragma once

#include <optional>

#include "runtime/heartbeat.h"
#include "runtime/metrics.h"
#include "runtime/probe_server.h"

namespace pd::runtime {

class Monitoring {
 public:
  // `heartbeat`: how often the event loop shows that it turns (heartbeat.h).
  Monitoring(asio::io_context& context, const Clock& clock, Duration heartbeat = std::chrono::seconds(1));
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

  MetricsRegistry& metrics() { return metrics_; }
  ProbePages& pages() { return pages_; }

  // Opens the port. `address`: see ProbeServer::listen(); "off" for none.
  Status listen(const std::string& address);
  std::uint16_t port() const { return server_ ? server_->port() : 0; }
  asio::awaitable<void> run(StopToken stop);

 private:
  asio::io_context& context_;
  MetricsRegistry metrics_;
  ProbePages pages_;
  Heartbeat heartbeat_;
  std::optional<ProbeServer> server_;
};

}  // namespace pd::runtime
