// pd-agent: wiring only. The loop is in agent.h.
#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <cstdio>
#include <exception>

#include "base/log.h"
#include "daemonset/agent.h"
#include "daemonset/kube_node.h"
#include "daemonset/look.h"
#include "daemonset/node_reader.h"
#include "daemonset/options.h"
#include "daemonset/pods_gone.h"
#include "daemonset/withdraw.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "runtime/counting_transport.h"
#include "runtime/flow.h"
#include "runtime/monitoring.h"
#include "runtime/shutdown.h"
#include "runtime/spawn.h"

namespace pd::agent {
namespace {

constexpr Duration kWithdrawLimit = std::chrono::minutes(2);
constexpr Duration kHeartbeat = std::chrono::seconds(5);  // each one wakes an agent that has nothing to do

std::unique_ptr<PodResources> kubelet_of(asio::io_context& io, const Options& options) {
  return options.ids == "unknown" ? nullptr : make_pod_resources(io, options.pod_resources_socket);
}

template <typename T>
asio::awaitable<void> keep(asio::awaitable<T> task, std::optional<T>& answer, asio::io_context& io) {
  answer = co_await std::move(task);
  io.stop();
}

template <typename T>
T run_to_end(asio::io_context& io, asio::awaitable<T> task) {
  std::optional<T> answer;
  runtime::spawn(io, keep(std::move(task), answer, io));
  io.run();
  return std::move(answer.value());
}

int print_findings(const Options& options) {
  asio::io_context io(1);
  NodeReader reader(io, options, kubelet_of(io, options));
  const Findings found = run_to_end(io, look(reader.patient_sources()));
  const WallTime now = SystemClock().wall_now();
  const std::string text = options.json ? to_json(found, now) + "\n" : describe(found, now);
  std::fputs(text.c_str(), stdout);
  return found.complete() ? 0 : 1;
}

std::string pods_namespace(const Options& options, const kube::Config& config) {
  if (!options.pods_namespace.empty()) return options.pods_namespace;
  return config.ns.empty() ? "default" : config.ns;
}

int withdraw_all(const Options& options) {
  const Result<kube::Config> config = kube::load_config(options.kubeconfig);
  if (!config) {
    log::error(config.error().message);
    return 1;
  }
  asio::io_context io(1);
  kube::CpprestTransport transport(io, *config, std::string("pd-agent/") + PD_VERSION);
  kube::Client client(transport);
  if (!options.after_pods.empty()) {
    const AgentPods pods{pods_namespace(options, *config), options.after_pods};
    const Status gone = run_to_end(io, wait_until_gone(client, pods, seconds(options.after_pods_timeout), {}));
    if (!gone) log::error("Can't withdraw", {{"error", gone.error().message}});
    if (!gone) return 1;
    io.restart();
  }
  const Result<Withdrawn> done = run_to_end(io, withdraw(client, kWithdrawLimit, {}));
  if (!done) log::error("Can't withdraw", {{"error", done.error().message}});
  if (done) log::info("Withdrew", {{"nodes", std::to_string(done->nodes)}, {"failed", std::to_string(done->failed)}});
  return done && done->failed == 0 ? 0 : 1;
}

// Ready is whose Node says what this run has found.
void add_checks(runtime::ProbePages& pages, const Agent& agent) {
  pages.readiness().add("published", [&agent]() -> Status {
    if (agent.published()) return Ok{};
    return Error{Code::kUnavailable, "the Node does not say yet what was found; the log says why"};
  });
}

int run_agent(const Options& options) {
  const Result<kube::Config> config = kube::load_config(options.kubeconfig);
  if (!config) {
    log::error(config.error().message);
    return 1;
  }
  asio::io_context io(1);
  StopSource stop;
  StopSource stop_answering;
  const SystemClock clock;
  runtime::Monitoring monitoring(io, clock, kHeartbeat);
  if (const Status listens = monitoring.listen(options.metrics_address); !listens) {
    log::error("Can't start", {{"error", listens.error().message}});
    return 1;
  }
  kube::CpprestTransport transport(io, *config, std::string("pd-agent/") + PD_VERSION);
  runtime::CountingTransport counted(transport, {monitoring.metrics(), config->server});
  kube::Client client(counted);
  KubeNode node(client, options.node_name, stop.token());
  NodeReader reader(io, options, kubelet_of(io, options), SourceMetrics(monitoring.metrics()));
  runtime::Rng rng(std::random_device{}());
  Agent agent(io,
              {.probe_interval = seconds(options.probe_interval),
               .allocations_interval = seconds(options.allocations_interval)},
              reader.sources(), node, clock, rng, PublishMetrics(monitoring.metrics()));
  reader.on_change([&agent] { agent.inventory_changed(); }, [&agent] { agent.allocations_changed(); });
  add_checks(monitoring.pages(), agent);
  runtime::Flow publishing(io);
  runtime::Flow answering(io);
  runtime::Shutdown shutdown(io, {});
  publishing.start(agent.run());
  answering.start(monitoring.run(stop_answering.token()));
  shutdown.then("agent", [&] {
    agent.stop();
    reader.stop();
    stop.stop();
    return publishing.ended();
  });
  shutdown.then("probes", [&] {
    stop_answering.stop();
    return answering.ended();
  });
  shutdown.on_signals();
  log::info("Started", {{"version", PD_VERSION}, {"node", options.node_name}, {"server", config->server}});
  io.run();
  return 0;
}

int run(int argc, char** argv) {
  const std::variant<Options, int> parsed = parse_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const Options& options = std::get<Options>(parsed);
  log::init({.program = "pd-agent", .json = options.log_format == "json"});
  try {
    if (options.task == Task::kProbe) return print_findings(options);
    if (options.task == Task::kWithdraw) return withdraw_all(options);
    return run_agent(options);
  } catch (const std::exception& exception) {
    log::error(std::string("Unexpected: ") + exception.what());
    return 1;
  }
}

}  // namespace
}  // namespace pd::agent

int main(int argc, char** argv) { return pd::agent::run(argc, argv); }
