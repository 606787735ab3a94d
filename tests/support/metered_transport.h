// Counts what comes through another transport; on demand, plays an API server without streaming lists.
// Thread: the io_context's.
#pragma once

#include <memory>
#include <string>

#include "kube/transport.h"

namespace pd::test {

struct Meter {
  std::uint64_t requests = 0;
  std::uint64_t lines = 0;  // of streams: an event each
  std::uint64_t bytes = 0;  // of lines, and of answers that are no stream
};

class MeteredTransport final : public kube::Transport {
 public:
  // `real` outlives it. `by_pages`: streaming lists are refused, as by an API server older than 1.27.
  MeteredTransport(kube::Transport& real, bool by_pages) : real_(real), by_pages_(by_pages) {}

  boost::asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                          StopToken stop) override {
    ++meter_->requests;
    Result<kube::HttpResponse> response = co_await real_.send(std::move(request), timeout, std::move(stop));
    if (response) meter_->bytes += response->body.size();
    co_return response;
  }

  boost::asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest request, Duration timeout,
                                                            StopToken stop) override {
    ++meter_->requests;
    if (by_pages_ && request.target.find("sendInitialEvents") != std::string::npos) {
      kube::StreamResponse refused;
      refused.head.status = 422;
      refused.head.body = R"({"kind":"Status","code":422,"reason":"Invalid","message":"by pages, as was asked for"})";
      co_return refused;
    }
    Result<kube::StreamResponse> response = co_await real_.open(std::move(request), timeout, std::move(stop));
    if (response && response->lines) response->lines = std::make_unique<Lines>(std::move(response->lines), meter_);
    co_return response;
  }

  const Meter& meter() const { return *meter_; }

 private:
  class Lines final : public kube::LineStream {
   public:
    Lines(std::unique_ptr<kube::LineStream> real, std::shared_ptr<Meter> meter)
        : real_(std::move(real)), meter_(std::move(meter)) {}

    boost::asio::awaitable<Result<std::optional<std::string>>> next(Duration silence) override {
      Result<std::optional<std::string>> line = co_await real_->next(silence);
      if (line && *line) {
        ++meter_->lines;
        meter_->bytes += (*line)->size() + 1;
      }
      co_return line;
    }

   private:
    std::unique_ptr<kube::LineStream> real_;
    std::shared_ptr<Meter> meter_;
  };

  kube::Transport& real_;
  bool by_pages_;
  std::shared_ptr<Meter> meter_ = std::make_shared<Meter>();
};

}  // namespace pd::test
