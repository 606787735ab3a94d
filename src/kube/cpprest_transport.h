// Transport over cpprestsdk, for a TLS-verified API server and nothing less trusted: the library aborts the process on
// some malformed answers. What it would do wrong by default is contained here: no redirects, our own deadlines, bounded
// bodies, a push sink with back-pressure for streams, an isolated trust store, TLS 1.2 or later, few threads. A POST
// can be sent twice by the library when a pooled connection dies: callers use deterministic names. Thread: create, use
// and destroy on the io_context's thread, with the io_context alive. The library's pool threads only hand over.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "kube/config.h"
#include "kube/transport.h"

namespace pd::kube {

class CpprestTransport final : public Transport {
 public:
  // `user_agent`: "pd-operator/0.1.0".
  CpprestTransport(asio::io_context& context, const Config& config, std::string user_agent);
  ~CpprestTransport() override;  // cancels what is under way and waits for the library to let go of it

  asio::awaitable<Result<HttpResponse>> send(HttpRequest request, Duration timeout, StopToken stop) override;
  asio::awaitable<Result<StreamResponse>> open(HttpRequest request, Duration timeout, StopToken stop) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pd::kube
