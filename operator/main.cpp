// Wiring only: options, connection, stores, controller, signals.
#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/io_context.hpp>
#include <functional>
#include <iostream>

#include "base/log.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "operator/check.h"
#include "operator/run.h"
#include "runtime/spawn.h"

namespace {

boost::asio::awaitable<void> keep(boost::asio::awaitable<pd::op::Findings> asked, pd::op::Findings& answer,
                                  boost::asio::io_context& context) {
  answer = co_await std::move(asked);
  context.stop();
}

int print_check(boost::asio::io_context& context, pd::kube::Transport& transport, const pd::op::Options& options) {
  pd::kube::Client client(transport);
  pd::op::Findings findings;
  std::function<void(const pd::op::Finding&)> print = [](const pd::op::Finding& finding) {
    std::cout << pd::op::to_line(finding) << std::flush;
  };
  pd::runtime::spawn(context, keep(pd::op::check(client, options, std::move(print)), findings, context));
  context.run();
  std::cout << pd::op::to_sum(findings) << std::flush;
  return pd::op::all_well(findings) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::variant<pd::op::Options, int> parsed = pd::op::parse_options(argc, argv, PD_VERSION);
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  pd::op::Options options = std::get<pd::op::Options>(parsed);
  pd::log::init({"pd-operator", options.log_json, options.log_level});
  const pd::Result<pd::kube::Config> config = pd::kube::load_config(options.kubeconfig);
  if (!config) {
    pd::log::error("No way to the cluster", {{"error", config.error().message}});
    return 1;
  }
  if (options.election.lease_ns.empty()) options.election.lease_ns = config->ns.empty() ? "default" : config->ns;
  boost::asio::io_context context;
  const std::string user_agent = std::string("pd-operator/") + PD_VERSION;
  pd::kube::CpprestTransport transport(context, *config, user_agent);
  if (options.task == pd::op::Task::kCheck) return print_check(context, transport, options);
  pd::kube::CpprestTransport election(context, *config, user_agent + " (leader-election)");
  pd::log::info("Starting", {{"version", PD_VERSION}, {"server", config->server}});
  const pd::Status ran = pd::op::run(context, {transport, election, config->server}, options);
  if (ran) return 0;
  pd::log::error("Ended", {{"error", ran.error().message}});
  return 1;
}
