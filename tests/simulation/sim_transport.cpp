#include "tests/simulation/sim_transport.h"

#include "runtime/timing.h"

namespace pd::test {
namespace {

class SimLines final : public kube::LineStream {
 public:
  SimLines(std::shared_ptr<SimWatch> watch, StopToken stop) : watch_(std::move(watch)), stop_(std::move(stop)) {}

  boost::asio::awaitable<Result<std::optional<std::string>>> next(Duration silence) override {
    // Looked at twice: what comes while it waits is seen when the silence is over.
    for (const bool waited : {false, true}) {
      if (stop_.stopped()) co_return Error{Code::kCancelled, "stopped"};
      if (std::optional<std::string> line = watch_->next()) co_return line;
      if (watch_->ended()) co_return std::optional<std::string>();
      if (!waited) co_await runtime::sleep_for(silence, stop_);
    }
    co_return Error{Code::kTimeout, "the stream was silent"};
  }

 private:
  std::shared_ptr<SimWatch> watch_;
  StopToken stop_;
};

}  // namespace

boost::asio::awaitable<Result<kube::HttpResponse>> SimTransport::send(kube::HttpRequest request, Duration,
                                                                      StopToken stop) {
  if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
  co_return server_.handle(request);
}

boost::asio::awaitable<Result<kube::StreamResponse>> SimTransport::open(kube::HttpRequest request, Duration,
                                                                        StopToken stop) {
  if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
  SimApiServer::Opened opened = server_.open_watch(request);
  kube::StreamResponse response;
  response.head = std::move(opened.head);
  if (opened.watch) {
    const std::shared_ptr<SimWatch> watch = std::move(opened.watch);
    watches_.push_back(watch);
    response.lines = std::make_unique<SimLines>(watch, std::move(stop));
  }
  co_return response;
}

void SimTransport::request_bookmarks() {
  for (const std::weak_ptr<SimWatch>& each : watches_) {
    if (const std::shared_ptr<SimWatch> watch = each.lock()) watch->request_bookmark();
  }
}

}  // namespace pd::test
