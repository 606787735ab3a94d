#include "runtime/monitoring.h"

#include "base/log.h"
#include "runtime/process_metrics.h"
#include "runtime/spawn.h"

namespace pd::runtime {

Monitoring::Monitoring(asio::io_context& context, const Clock& clock, Duration heartbeat)
    : context_(context), heartbeat_(clock, heartbeat) {
  add_process_metrics(metrics_);
  pages_.set_metrics([this] { return metrics_.text(); });
  pages_.liveness().add("event-loop", [this] { return heartbeat_.check(); });
}

Status Monitoring::listen(const std::string& address) {
  if (address == "off") return Ok{};
  Result<ProbeServer> server = ProbeServer::listen(context_, address, pages_);
  if (!server) return server.error();
  server_.emplace(std::move(*server));
  log::info("Serving probes and metrics", {{"address", address}, {"port", std::to_string(port())}});
  return Ok{};
}

asio::awaitable<void> Monitoring::run(StopToken stop) {
  if (!server_) co_return;
  spawn(context_, heartbeat_.run(stop));
  co_await server_->run(stop);
}

}  // namespace pd::runtime
