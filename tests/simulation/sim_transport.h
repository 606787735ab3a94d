// kube::Transport in front of a SimApiServer, without time and without faults: each request is answered at once, and a
// stream has what its watch has when it is asked; where there is nothing it waits for the silence to pass.
//
//   SimTransport transport(server);
//   kube::Client client(transport);
//
// Thread: the io_context's on which it is used. The server must outlive it.
#pragma once

#include <memory>
#include <vector>

#include "kube/transport.h"
#include "tests/simulation/sim_api_server.h"

namespace pd::test {

class SimTransport final : public kube::Transport {
 public:
  explicit SimTransport(SimApiServer& server) : server_(server) {}

  boost::asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                          StopToken stop) override;
  boost::asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest request, Duration timeout,
                                                            StopToken stop) override;
  // To all open watches that allow them.
  void request_bookmarks();

 private:
  SimApiServer& server_;
  std::vector<std::weak_ptr<SimWatch>> watches_;
};

}  // namespace pd::test
