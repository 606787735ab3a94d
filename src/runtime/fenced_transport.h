// A transport that refuses to write once the leadership is over. It asks right before it hands a request on, on the
// thread and in the step that starts it, so a write that had to wait, or that a suspended process had prepared, is
// refused.
//
//   FencedTransport fenced(transport, [&] { return elector.may_write(); });
//   Client client(fenced);   // and the elector has another transport
//
// What remains: a request that was started before the leadership ended may still be on its way, in the library, in the
// kernel, or on the network (cpprestsdk sends one again when a pooled connection dies), and arrive after the
// successor's first write. So each PUT, PATCH and DELETE carries the resourceVersion it was planned for, and fails when
// that is no longer the newest. A POST has none to carry. It fails where its name is taken (names are deterministic);
// else its object is made, late:
//   Pod        is surplus: the successor's next reconcile deletes it
//   ConfigMap  if its content is an old one, the successor's next reconcile replaces it
//   Service    stays, as any that was made before the deployment changed: none is changed afterwards
//   Event      stays until it expires: it tells of what was seen then
// The first three go with their owner. The elector ends the process at that moment, so the time is short.
//
// `real` must outlive it. Thread: the io_context's.
#pragma once

#include <functional>

#include "kube/transport.h"

namespace pd::runtime {

namespace asio = boost::asio;

class FencedTransport final : public kube::Transport {
 public:
  FencedTransport(kube::Transport& real, std::function<bool()> may_write)
      : real_(real), may_write_(std::move(may_write)) {}

  // A write is refused with kCancelled: it did not happen. One that has begun is not cancelled by `stop` but waited
  // for: the lease may be given away only when no write is on its way any more. A dry run may be.
  asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                   StopToken stop) override;
  asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest request, Duration timeout,
                                                     StopToken stop) override;

  int refused() const { return refused_; }

 private:
  Status judge(const kube::HttpRequest& request);

  kube::Transport& real_;
  std::function<bool()> may_write_;
  int refused_ = 0;
};

}  // namespace pd::runtime
