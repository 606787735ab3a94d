#include "runtime/fenced_transport.h"

#include "base/log.h"

namespace pd::runtime {

namespace {

// Whatever is not known to be harmless is a write.
bool is_write(const kube::HttpRequest& request) { return request.method != "GET" && request.method != "HEAD"; }

// Nothing comes of it, whoever leads.
bool is_dry(const kube::HttpRequest& request) { return request.target.find("dryRun=All") != std::string::npos; }

}  // namespace

Status FencedTransport::judge(const kube::HttpRequest& request) {
  if (!is_write(request) || may_write_()) return Ok{};
  ++refused_;
  const std::string what = request.method + " " + request.target;
  log::warn("Refused a write: this process does not lead", {{"request", what}});
  return Error{Code::kCancelled, "not sent, since this process does not lead (any more): " + what};
}

asio::awaitable<Result<kube::HttpResponse>> FencedTransport::send(kube::HttpRequest request, Duration timeout,
                                                                  StopToken stop) {
  const Status judged = judge(request);
  if (!judged) co_return judged.error();
  if (is_write(request)) {
    if (!is_dry(request)) stop = {};
    request.may_start = may_write_;  // the real transport may send it again, say with another token
  }
  // Goes on in this very step: nothing runs between the question and the start of the request.
  co_return co_await real_.send(std::move(request), timeout, std::move(stop));
}

asio::awaitable<Result<kube::StreamResponse>> FencedTransport::open(kube::HttpRequest request, Duration timeout,
                                                                    StopToken stop) {
  const Status judged = judge(request);
  if (!judged) co_return judged.error();
  co_return co_await real_.open(std::move(request), timeout, std::move(stop));
}

}  // namespace pd::runtime
