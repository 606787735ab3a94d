#include "operator/run.h"

#include <unistd.h>

#include <array>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <random>

#include "base/log.h"
#include "operator/controller.h"

namespace pd::op {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

void run(boost::asio::io_context& context, kube::Transport& transport, const Options& options) {
  runtime::Rng rng(std::random_device{}());
  const SystemClock clock;
  StopSource stop;
  kube::Client client(transport);
  Stores stores(client, options.ns, rng);
  Applier applier(client, clock, host_name());
  Controller controller(context, stores, applier, clock, rng, options.workers,
                        {options.gate_image, options.gate_image_pull_policy});
  runtime::spawn(context, controller.run_watches(stop.token()));
  runtime::spawn(context, controller.run(stop.token()));
  boost::asio::signal_set signals(context, SIGTERM, SIGINT);
  signals.async_wait([&stop](const boost::system::error_code& error, int signal) {
    if (error) return;
    log::info("Stopping", {{"signal", std::to_string(signal)}});
    stop.stop();
  });
  context.run();  // ends when every coroutine has seen the stop
}

}  // namespace pd::op
