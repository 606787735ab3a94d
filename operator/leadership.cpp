#include "operator/leadership.h"

#include "base/log.h"

namespace pd::op {

Leadership::Leadership(boost::asio::io_context& context, kube::Transport& transport, const Clock& clock,
                       runtime::Rng& rng, const std::string& host, ElectionOptions options,
                       std::function<void()> on_lost, runtime::ElectionMetrics metrics)
    : options_(std::move(options)),
      client_(transport),
      lock_(client_, options_.lease_ns, options_.lease_name),
      on_lost_(std::move(on_lost)),
      elector_(context, lock_, clock, rng, {runtime::unique_identity(host), options_.timing},
               {.started = [this] { lead_(); },
                .lost = [this](const std::string&) { on_lost_(); },
                .on_change = [metrics](bool leads) { metrics.leading(leads); }}),
      flow_(context) {}

void Leadership::start(std::function<void()> lead) {
  lead_ = std::move(lead);
  if (options_.enabled) {
    flow_.start(elector_.run(stop_.token()));
  } else {
    lead_();
  }
}

boost::asio::awaitable<void> Leadership::end() {
  stop_.stop();
  co_await flow_.ended();
  const Status released = co_await elector_.release();
  if (!released) log::warn("Did not release the lease: it will run out", {{"error", released.error().message}});
}

}  // namespace pd::op
