// A transport that counts what goes through another: each exchange once, a watch when its head has come.
//
//   CountingTransport transport(real, RequestMetrics(registry, "https://10.96.0.1:443"));
//
// Owner: the program; the other transport must outlive it. Thread: the transport's.
#pragma once

#include "kube/transport.h"
#include "runtime/api_metrics.h"

namespace pd::runtime {

class CountingTransport final : public kube::Transport {
 public:
  CountingTransport(kube::Transport& real, RequestMetrics metrics) : real_(real), metrics_(std::move(metrics)) {}

  boost::asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                          StopToken stop) override;
  boost::asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest request, Duration timeout,
                                                            StopToken stop) override;

 private:
  kube::Transport& real_;
  RequestMetrics metrics_;
};

}  // namespace pd::runtime
