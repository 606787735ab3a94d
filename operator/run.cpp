#include "operator/run.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>

#include "operator/ask_generation.h"
#include "operator/operator.h"
#include "runtime/counting_transport.h"
#include "runtime/monitoring.h"
#include "runtime/shutdown.h"

namespace pd::op {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

// A standby is ready as well: it could take over at once. Whether a leader still leads needs no check: one that can't
// renew its Lease ends itself.
void add_checks(runtime::ProbePages& pages, const Controller& controller, const runtime::Shutdown& shutdown) {
  pages.readiness().add("caches", [&controller]() -> Status {
    if (controller.synced()) return Ok{};
    return Error{Code::kUnavailable, "in no namespace has all that is watched been listed yet"};
  });
  pages.liveness().add("reconciling", [&controller] { return controller.check(); });
  pages.readiness().add("running", [&shutdown]() -> Status {
    if (!shutdown.begun()) return Ok{};
    return Error{Code::kUnavailable, "the program is stopping"};
  });
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
  const auto end_at_once = [] { std::_Exit(1); };
  Operator program(context, {transport, election, clock, rng, host_name(), ask_generation, end_at_once}, options,
                   monitoring.metrics());
  StopSource stop_probes;
  runtime::Flow probes(context);
  runtime::Shutdown shutdown(context, {});
  add_checks(monitoring.pages(), program.controller(), shutdown);
  probes.start(monitoring.run(stop_probes.token()));
  program.start([&shutdown](const Error& why) { shutdown.fail(why); });
  for (auto& [name, step] : program.ending()) shutdown.then(name, std::move(step));
  shutdown.then("probes", [&]() -> boost::asio::awaitable<void> {
    stop_probes.stop();
    return probes.ended();
  });
  shutdown.on_signals();
  context.run();  // ends when every coroutine has seen its stop
  return shutdown.outcome();
}

}  // namespace pd::op
