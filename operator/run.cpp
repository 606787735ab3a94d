#include "operator/run.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>

#include "operator/controller.h"
#include "operator/leadership.h"
#include "runtime/fenced_transport.h"
#include "runtime/shutdown.h"

namespace pd::op {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

// After this step the flow has ended.
void stop_next(runtime::Shutdown& shutdown, const std::string& name, StopSource& stop, runtime::Flow& flow) {
  shutdown.then(name, [&stop, &flow]() -> boost::asio::awaitable<void> {
    stop.stop();
    return flow.ended();
  });
}

}  // namespace

void run(boost::asio::io_context& context, kube::Transport& transport, kube::Transport& election,
         const Options& options) {
  runtime::Rng rng(std::random_device{}());
  const SystemClock clock;
  Leadership leadership(context, election, clock, rng, host_name(), options.election, [] { std::_Exit(1); });
  runtime::FencedTransport fenced(transport, [&leadership] { return leadership.may_write(); });
  kube::Client client(fenced);
  Stores stores(client, options.ns, rng);
  Applier applier(client, clock, host_name());
  Controller controller(context, stores, applier, clock, rng, options.workers,
                        {options.gate_image, options.gate_image_pull_policy});
  StopSource stop_watches;
  StopSource stop_work;
  runtime::Flow watches(context);
  runtime::Flow work(context);
  watches.start(controller.run_watches(stop_watches.token()));  // a standby's caches are filled, too
  leadership.start([&] { work.start(controller.run(stop_work.token())); });
  runtime::Shutdown shutdown(context, {});
  stop_next(shutdown, "reconciling", stop_work, work);
  stop_next(shutdown, "watches", stop_watches, watches);
  shutdown.then("lease", [&leadership] { return leadership.end(); });
  shutdown.on_signals();
  context.run();  // ends when every coroutine has seen its stop
}

}  // namespace pd::op
