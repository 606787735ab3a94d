// A CpprestTransport and the server it talks to, on one io_context.
#pragma once

#include <gtest/gtest.h>

#include "kube/cpprest_transport.h"
#include "tests/kube/raw_server.h"
#include "tests/support/run_to_end.h"

namespace pd::test {

class TransportTest : public ::testing::Test {
 protected:
  using Line = Result<std::optional<std::string>>;

  void serve(RawServer::Session session, std::shared_ptr<asio::ssl::context> tls = nullptr) {
    server_ = std::make_unique<RawServer>(context_, std::move(session), std::move(tls));
    config_.server = server_->url();
  }
  kube::CpprestTransport& transport() {
    if (!transport_) transport_ = std::make_unique<kube::CpprestTransport>(context_, config_, "pd-test/1");
    return *transport_;
  }
  Result<kube::HttpResponse> send(kube::HttpRequest request, Duration timeout = kTestLimit) {
    return run_to_end(context_, transport().send(std::move(request), timeout, stop_.token()));
  }
  Result<kube::HttpResponse> get(const std::string& target, Duration timeout = kTestLimit) {
    kube::HttpRequest request{"GET", target};
    return send(std::move(request), timeout);
  }
  Result<kube::StreamResponse> open(const std::string& target, Duration timeout = kTestLimit) {
    kube::HttpRequest request{"GET", target};
    return run_to_end(context_, transport().open(std::move(request), timeout, stop_.token()));
  }
  Line next(kube::StreamResponse& stream, Duration silence = kTestLimit) {
    return run_to_end(context_, stream.lines->next(silence));
  }
  // Every connection the client opened has been closed by it.
  void expect_closed() {
    run_until(context_, [this] { return server_->open() == 0; });
  }

  asio::io_context context_;
  kube::Config config_;
  StopSource stop_;
  std::unique_ptr<RawServer> server_;
  std::unique_ptr<kube::CpprestTransport> transport_;
};

}  // namespace pd::test
