// Transport over cpprestsdk, for a TLS-verified API server and nothing less trusted. What the library would do wrong by
// default is contained here: no redirects, our own deadlines, bounded bodies, a push sink with back-pressure for
// streams, an isolated trust store, TLS 1.2 or later, few threads, connections that are not kept for ever, a token that
// is read again. What stays:
// * A POST can be sent twice, when a pooled connection dies: callers use deterministic names.
// * The library reads an answer's headers, and a single chunk, into memory before it tells of them. Nothing but the
//   deadline ends a head without end: over loopback that is 165 MB for each second of it (freed afterwards).
// One transport for each purpose: that of the lease is another one than that of all else, so that they share no
// connection. Thread: create, use and destroy on the io_context's thread, with the io_context alive. The library's pool
// threads only hand over.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "kube/config.h"
#include "kube/transport.h"

namespace pd::kube {

class CpprestTransport final : public Transport {
 public:
  struct Timing {
    Duration recycle = std::chrono::minutes(10);  // then new connections: API servers come and go behind one address
    Duration token_age = std::chrono::seconds(50);
  };

  // `user_agent`: "pd-operator/0.1.0".
  CpprestTransport(asio::io_context& context, const Config& config, std::string user_agent, Timing timing);
  CpprestTransport(asio::io_context& context, const Config& config, std::string user_agent)
      : CpprestTransport(context, config, std::move(user_agent), Timing()) {}
  ~CpprestTransport() override;  // cancels what is under way and waits for the library to let go of it

  asio::awaitable<Result<HttpResponse>> send(HttpRequest request, Duration timeout, StopToken stop) override;
  asio::awaitable<Result<StreamResponse>> open(HttpRequest request, Duration timeout, StopToken stop) override;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // of coroutines too that wait while we are destroyed
};

}  // namespace pd::kube
