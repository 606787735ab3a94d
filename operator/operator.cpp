#include "operator/operator.h"

namespace pd::op {
namespace {

constexpr const char* kReporter = "pd-operator.io/pd-operator";  // of events

runtime::ElectionMetrics election_metrics(runtime::MetricsRegistry& registry, const ElectionOptions& election) {
  return election.enabled ? runtime::ElectionMetrics(registry, election.lease_name) : runtime::ElectionMetrics();
}

// After this step the flow has ended.
Operator::Step stop_of(StopSource& stop, runtime::Flow& flow) {
  return [&stop, &flow]() -> boost::asio::awaitable<void> {
    stop.stop();
    return flow.ended();
  };
}

}  // namespace

Operator::Operator(boost::asio::io_context& context, Outside outside, const Options& options,
                   runtime::MetricsRegistry& metrics, Controller::Planner planner)
    : leadership_(context, outside.election, outside.clock, outside.rng, outside.host, options.election,
                  std::move(outside.on_lost), election_metrics(metrics, options.election)),
      fenced_(outside.transport, [this] { return leadership_.may_write(); }),
      client_(fenced_),
      unfenced_(outside.transport),
      events_(unfenced_, outside.clock, outside.rng, {kReporter, outside.host}, runtime::EventMetrics(metrics)),
      stores_(client_, options.namespaces, outside.rng),
      applier_(client_, events_),
      controller_(context, stores_, applier_, outside.clock, outside.rng, options,
                  {options.gate_image, options.gate_image_pull_policy}, std::move(outside.ask), std::move(planner)),
      watches_(context),
      work_(context),
      telling_(context) {
  controller_.measure(metrics);
}

void Operator::start(std::function<void(const Error& why)> failed) {
  telling_.start(events_.run(stop_events_.token()));
  watches_.start(controller_.run_watches(stop_watches_.token()));  // a standby's caches are filled, too
  leadership_.start([this, failed = std::move(failed)] { work_.start(controller_.run(stop_work_.token()), failed); });
}

std::vector<std::pair<std::string, Operator::Step>> Operator::ending() {
  return {{"reconciling", stop_of(stop_work_, work_)},
          {"watches", stop_of(stop_watches_, watches_)},
          {"lease", [this] { return leadership_.end(); }},
          {"events", stop_of(stop_events_, telling_)}};
}

}  // namespace pd::op
