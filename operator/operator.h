// The operator's parts, put together on the ways out that it is given: what run() runs, once in its process, and the
// simulator in each of its processes.
//
//   Operator program(context, {transport, election, clock, rng, host, ask_generation, end_at_once}, options, metrics);
//   program.start([](const Error& why) { ... });
//   for (auto& [name, step] : program.ending()) co_await step();
//
// Ownership: what it is given outlives it, and it outlives the context's run. Thread: the io_context's.
#pragma once

#include "operator/controller.h"
#include "operator/leadership.h"
#include "runtime/fenced_transport.h"
#include "runtime/flow.h"

namespace pd::op {

class Operator {
 public:
  struct Outside {
    kube::Transport& transport;
    kube::Transport& election;  // for the Lease alone
    const Clock& clock;
    runtime::Rng& rng;
    std::string host;
    Delivery::Ask ask;
    std::function<void()> on_lost;  // the Lease: it must end the process
  };
  // Another planner than the real one is for tests.
  Operator(boost::asio::io_context& context, Outside outside, const Options& options, runtime::MetricsRegistry& metrics,
           Controller::Planner planner = plan::plan);

  // Fills the caches, competes for the Lease, and works when it has it. `failed`: it can't.
  void start(std::function<void(const Error& why)> failed);
  // What has to be done to end it, in this order: the Lease is given away when nothing can write any more.
  using Step = std::function<boost::asio::awaitable<void>()>;
  std::vector<std::pair<std::string, Step>> ending();

  const Controller& controller() const { return controller_; }
  const Stores& stores() const { return stores_; }
  bool may_write() const { return leadership_.may_write(); }

 private:
  Leadership leadership_;
  runtime::FencedTransport fenced_;
  kube::Client client_;
  kube::Client unfenced_;  // events decide nothing, and tell also of what came before the end
  runtime::EventRecorder events_;
  Stores stores_;
  Applier applier_;
  Controller controller_;
  StopSource stop_watches_;
  StopSource stop_work_;
  StopSource stop_events_;
  runtime::Flow watches_;
  runtime::Flow work_;
  runtime::Flow telling_;
};

}  // namespace pd::op
