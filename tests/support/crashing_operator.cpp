// pd-operator that dies by SIGKILL right after its n-th write was answered: PD_CRASH_AFTER_WRITES=n. The end-to-end
// tests use it to stop the operator between any two steps.

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>

#include "base/log.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "operator/run.h"

namespace {

namespace asio = boost::asio;

class CrashingTransport final : public pd::kube::Transport {
 public:
  CrashingTransport(pd::kube::Transport& real, int writes) : real_(real), writes_left_(writes) {}

  asio::awaitable<pd::Result<pd::kube::HttpResponse>> send(pd::kube::HttpRequest request, pd::Duration timeout,
                                                           pd::StopToken stop) override {
    const bool is_write = request.method != "GET";
    pd::Result<pd::kube::HttpResponse> response = co_await real_.send(std::move(request), timeout, stop);
    if (is_write && --writes_left_ == 0) kill(getpid(), SIGKILL);
    co_return response;
  }

  asio::awaitable<pd::Result<pd::kube::StreamResponse>> open(pd::kube::HttpRequest request, pd::Duration timeout,
                                                             pd::StopToken stop) override {
    return real_.open(std::move(request), timeout, stop);
  }

 private:
  pd::kube::Transport& real_;
  int writes_left_;
};

}  // namespace

int main(int argc, char** argv) {
  const char* writes = std::getenv("PD_CRASH_AFTER_WRITES");
  if (writes == nullptr) {
    pd::log::error("PD_CRASH_AFTER_WRITES is not set");
    return 2;
  }
  const std::variant<pd::op::Options, int> parsed = pd::op::parse_options(argc, argv, "crashing");
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const auto& options = std::get<pd::op::Options>(parsed);
  pd::log::init({"pd-operator", options.log_json, options.log_level});
  const pd::Result<pd::kube::Config> config = pd::kube::load_config(options.kubeconfig);
  if (!config) {
    pd::log::error("No way to the cluster", {{"error", config.error().message}});
    return 1;
  }
  boost::asio::io_context context;
  pd::kube::CpprestTransport real(context, *config, "pd-operator/crashing");
  CrashingTransport transport(real, std::atoi(writes));
  const pd::Status ran = pd::op::run(context, {transport, real, config->server}, options);
  if (!ran) pd::log::error("Can't start", {{"error", ran.error().message}});
  return ran ? 0 : 1;
}
