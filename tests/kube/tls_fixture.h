// A CpprestTransport and a server that shows a certificate of the CA that the transport trusts.
#pragma once

#include "tests/kube/certificates.h"
#include "tests/kube/transport_fixture.h"

namespace pd::test {

class TlsTest : public TransportTest {
 protected:
  TlsTest() { config_.ca_pem = ca_.pem(); }

  static std::shared_ptr<asio::ssl::context> server_context(const Certificate& certificate) {
    auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    tls->use_certificate_chain(asio::buffer(certificate.pem()));
    tls->use_private_key(asio::buffer(certificate.key_pem()), asio::ssl::context::pem);
    return tls;
  }
  void serve_tls(const std::string& names, RawServer::Session session) {
    serve(std::move(session), server_context(ca_.issue("server", names)));
  }

  Certificate ca_ = Certificate::authority("the CA");
};

}  // namespace pd::test
