#include "runtime/counting_transport.h"

namespace pd::runtime {

boost::asio::awaitable<Result<kube::HttpResponse>> CountingTransport::send(kube::HttpRequest request, Duration timeout,
                                                                           StopToken stop) {
  const std::string method = request.method;
  Result<kube::HttpResponse> answer = co_await real_.send(std::move(request), timeout, std::move(stop));
  answer ? metrics_.answered(method, answer->status) : metrics_.failed(method);
  co_return answer;
}

boost::asio::awaitable<Result<kube::StreamResponse>> CountingTransport::open(kube::HttpRequest request,
                                                                             Duration timeout, StopToken stop) {
  const std::string method = request.method;
  Result<kube::StreamResponse> answer = co_await real_.open(std::move(request), timeout, std::move(stop));
  answer ? metrics_.answered(method, answer->head.status) : metrics_.failed(method);
  co_return answer;
}

}  // namespace pd::runtime
