#include "operator/run.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>

#include "operator/ask_generation.h"
#include "operator/controller.h"
#include "operator/leadership.h"
#include "runtime/counting_transport.h"
#include "runtime/fenced_transport.h"
#include "runtime/monitoring.h"
#include "runtime/shutdown.h"

namespace pd::op {
namespace {

constexpr const char* kReporter = "pd-operator.io/pd-operator";  // of events

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

// A standby is ready as well: it could take over at once. Whether a leader still leads needs no check: one that can't
// renew its Lease ends itself.
void add_checks(runtime::ProbePages& pages, const Controller& controller, const runtime::Shutdown& shutdown) {
  pages.readiness().add("caches", [&controller]() -> Status {
    if (controller.synced()) return Ok{};
    return Error{Code::kUnavailable, "not all that is watched has been listed yet"};
  });
  pages.liveness().add("reconciling", [&controller] { return controller.check(); });
  pages.readiness().add("running", [&shutdown]() -> Status {
    if (!shutdown.begun()) return Ok{};
    return Error{Code::kUnavailable, "the program is stopping"};
  });
}

runtime::ElectionMetrics election_metrics(runtime::MetricsRegistry& registry, const ElectionOptions& election) {
  return election.enabled ? runtime::ElectionMetrics(registry, election.lease_name) : runtime::ElectionMetrics();
}

}  // namespace

Status run(boost::asio::io_context& context, const Connection& connection, const Options& options) {
  runtime::Rng rng(std::random_device{}());
  const SystemClock clock;
  runtime::Monitoring monitoring(context, clock);
  if (const Status listens = monitoring.listen(options.metrics_address); !listens) return listens;
  const runtime::RequestMetrics requests(monitoring.metrics(), connection.server);
  runtime::CountingTransport election(connection.election, requests);
  runtime::CountingTransport transport(connection.transport, requests);
  Leadership leadership(
      context, election, clock, rng, host_name(), options.election, [] { std::_Exit(1); },
      election_metrics(monitoring.metrics(), options.election));
  runtime::FencedTransport fenced(transport, [&leadership] { return leadership.may_write(); });
  kube::Client client(fenced);
  kube::Client unfenced(transport);  // events decide nothing, and tell also of what came before the end
  runtime::EventRecorder events(unfenced, clock, rng, {kReporter, host_name()},
                                runtime::EventMetrics(monitoring.metrics()));
  Stores stores(client, options.ns, rng);
  Applier applier(client, events);
  Controller controller(context, stores, applier, clock, rng, options.workers,
                        {options.gate_image, options.gate_image_pull_policy}, ask_generation);
  controller.measure(monitoring.metrics());
  StopSource stop_watches;
  StopSource stop_work;
  StopSource stop_events;
  StopSource stop_probes;
  runtime::Flow watches(context);
  runtime::Flow work(context);
  runtime::Flow telling(context);
  runtime::Flow probes(context);
  runtime::Shutdown shutdown(context, {});
  add_checks(monitoring.pages(), controller, shutdown);
  probes.start(monitoring.run(stop_probes.token()));
  telling.start(events.run(stop_events.token()));
  watches.start(controller.run_watches(stop_watches.token()));  // a standby's caches are filled, too
  leadership.start(
      [&] { work.start(controller.run(stop_work.token()), [&shutdown](const Error& why) { shutdown.fail(why); }); });
  stop_next(shutdown, "reconciling", stop_work, work);
  stop_next(shutdown, "watches", stop_watches, watches);
  shutdown.then("lease", [&leadership] { return leadership.end(); });
  stop_next(shutdown, "events", stop_events, telling);
  stop_next(shutdown, "probes", stop_probes, probes);
  shutdown.on_signals();
  context.run();  // ends when every coroutine has seen its stop
  return shutdown.outcome();
}

}  // namespace pd::op
