// The sample controller as a program. Usage: copier FROM TO, two namespaces; KUBECONFIG or a pod's service account says
// where the cluster is.

#include <cstdio>
#include <random>

#include "base/log.h"
#include "copier/copier.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "runtime/flow.h"
#include "runtime/shutdown.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs(
        "Usage: copier FROM TO\nKeeps a copy of each ConfigMap of namespace FROM that is labelled\n"
        "copier.example/copy in namespace TO. Example: copier default backup\n",
        stderr);
    return 2;
  }
  pd::log::init({.program = "copier", .json = false});
  const pd::Result<pd::kube::Config> config = pd::kube::load_config("");
  if (!config) {
    pd::log::error("No way to the cluster", {{"error", config.error().message}});
    return 1;
  }
  boost::asio::io_context context;
  pd::kube::CpprestTransport transport(context, *config, "copier");
  pd::kube::Client client(transport);
  pd::runtime::Rng rng(std::random_device{}());
  copier::Copier copier(context, client, rng, argv[1], argv[2]);

  pd::StopSource stop_working;
  pd::StopSource stop_watching;
  pd::runtime::Flow working(context);
  pd::runtime::Flow watching(context);
  pd::runtime::Shutdown shutdown(context, {});
  watching.start(copier.controller().run_watches(stop_watching.token()));
  working.start(copier.controller().run(stop_working.token()), [&](const pd::Error& why) { shutdown.fail(why); });

  shutdown.then("reconciling", [&] { return stop_working.stop(), working.ended(); });
  shutdown.then("watches", [&] { return stop_watching.stop(), watching.ended(); });
  shutdown.on_signals();
  context.run();
  return shutdown.outcome() ? 0 : 1;
}
