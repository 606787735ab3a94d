// Which of several operators works: the holder of the Lease, or this one, when nobody else is to be expected
// (--leader-elect=false).
//
//   Leadership leadership(context, transport_of_its_own, clock, rng, options.election);
//   runtime::FencedTransport fenced(transport, [&] { return leadership.may_write(); });
//   leadership.start([&] { work.start(controller.run(stop), failed); });
//   ... when all that writes has ended: co_await leadership.end();
//
// Ownership: what it is given outlives it, and it outlives the context's run. Thread: the io_context's.
#pragma once

#include "operator/options.h"
#include "runtime/controller_metrics.h"
#include "runtime/flow.h"

namespace pd::op {

class Leadership {
 public:
  // `transport`: of its own, so that a list that hangs does not keep a renewal waiting. `on_lost`: it must end the
  // process.
  Leadership(boost::asio::io_context& context, kube::Transport& transport, const Clock& clock, runtime::Rng& rng,
             const std::string& host, ElectionOptions options, std::function<void()> on_lost,
             runtime::ElectionMetrics metrics = {});

  // Calls `lead` when this process may work.
  void start(std::function<void()> lead);
  // Gives the Lease away. A successor may then begin at once.
  boost::asio::awaitable<void> end();

  bool may_write() const { return !options_.enabled || elector_.may_write(); }

 private:
  ElectionOptions options_;
  kube::Client client_;
  runtime::LeaseLock lock_;
  std::function<void()> lead_;
  std::function<void()> on_lost_;
  runtime::LeaderElector elector_;
  StopSource stop_;
  runtime::Flow flow_;
};

}  // namespace pd::op
