// Whom CpprestTransport trusts, and how it says who it is.
#include <gmock/gmock.h>

#include "tests/kube/certificates.h"
#include "tests/kube/transport_fixture.h"
#include "tests/support/temporary_folder.h"

namespace pd::kube {
namespace {

using test::Certificate;
using test::Connection;
using ::testing::HasSubstr;
namespace ssl = boost::asio::ssl;

class CpprestTls : public test::TransportTest {
 protected:
  // A server that shows a certificate for `names` from ca_.
  void serve_tls(const std::string& names, const std::function<void(ssl::context&)>& configure = {}) {
    serve_certificate(ca_.issue("server", names), configure);
  }
  void serve_certificate(const Certificate& server, const std::function<void(ssl::context&)>& configure = {}) {
    auto tls = std::make_shared<ssl::context>(ssl::context::tls_server);
    tls->use_certificate_chain(boost::asio::buffer(server.pem()));
    tls->use_private_key(boost::asio::buffer(server.key_pem()), ssl::context::pem);
    if (configure) configure(*tls);
    serve(
        [](Connection& connection) -> asio::awaitable<void> {
          while (true) {
            (void)co_await connection.read_request();
            co_await connection.answer("200 OK", "hello");
          }
        },
        std::move(tls));
  }
  void expect_hello() {
    const Result<HttpResponse> answer = get("/");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "hello");
  }
  void expect_refused() {
    const Result<HttpResponse> answer = get("/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
    EXPECT_THAT(answer.error().message, HasSubstr(config_.server));
    EXPECT_THAT(answer.error().message, HasSubstr("certificate is not from the given CA"));
  }

  Certificate ca_ = Certificate::authority("the CA");
};

TEST_F(CpprestTls, TrustsTheGivenCa) {
  serve_tls("IP:127.0.0.1");
  config_.ca_pem = ca_.pem();
  expect_hello();
  for (int i = 0; i < 20; ++i) expect_hello();
  EXPECT_LT(server_->connections(), 10);
}

TEST_F(CpprestTls, TrustsNoOtherCa) {
  serve_tls("IP:127.0.0.1");
  config_.ca_pem = Certificate::authority("the CA").pem();
  expect_refused();
}

TEST_F(CpprestTls, TrustsNobodyWhereTheCaIsNone) {
  serve_tls("IP:127.0.0.1");
  config_.ca_pem = "not a certificate";
  expect_refused();
}

TEST_F(CpprestTls, RefusesAnotherName) {
  serve_tls("IP:127.0.0.2,DNS:kubernetes");
  config_.ca_pem = ca_.pem();
  expect_refused();
}

TEST_F(CpprestTls, RefusesAnExpiredCertificate) {
  serve_certificate(ca_.issue_expired("server", "IP:127.0.0.1"));
  config_.ca_pem = ca_.pem();
  expect_refused();
}

TEST_F(CpprestTls, TakesTheNameThatItWasTold) {
  serve_tls("DNS:kubernetes");
  config_.ca_pem = ca_.pem();
  config_.server_name = "kubernetes";
  expect_hello();
}

TEST_F(CpprestTls, LooksAtNoCertificateWhenToldSo) {
  serve_tls("DNS:other");
  config_.insecure_skip_verify = true;
  expect_hello();
}

TEST_F(CpprestTls, ReadsTheCaFileForEachConnection) {
  const test::TemporaryFolder folder;
  serve_tls("IP:127.0.0.1");
  config_.ca_file = folder.write("ca.crt", Certificate::authority("old").pem());
  expect_refused();
  folder.write("ca.crt", ca_.pem());
  expect_hello();
}

// Not the system's roots, and not nobody.
TEST_F(CpprestTls, KeepsTheKnownCaWhileTheFileIsMissing) {
  const test::TemporaryFolder folder;
  serve_tls("IP:127.0.0.1");
  config_.ca_file = folder.path() + "/missing";
  config_.ca_pem = ca_.pem();
  expect_hello();
}

TEST_F(CpprestTls, ShowsItsOwnCertificate) {
  const auto wants_one = [this](ssl::context& tls) {
    tls.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    tls.add_certificate_authority(boost::asio::buffer(ca_.pem()));
  };
  serve_tls("IP:127.0.0.1", wants_one);
  config_.ca_pem = ca_.pem();
  const Certificate client = ca_.issue("client", "DNS:client");
  config_.client_certificate_pem = client.pem();
  config_.client_key_pem = client.key_pem();
  expect_hello();
}

// A client certificate is replaced while we run: the next connection shows the new one.
TEST_F(CpprestTls, ReadsItsOwnCertificateForEachConnection) {
  const Certificate other = Certificate::authority("another CA");
  serve_tls("IP:127.0.0.1", [this](ssl::context& tls) {
    tls.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    tls.add_certificate_authority(boost::asio::buffer(ca_.pem()));
  });
  config_.ca_pem = ca_.pem();
  const Certificate unknown = other.issue("client", "DNS:client");
  const Certificate known = ca_.issue("client", "DNS:client");
  const test::TemporaryFolder folder;
  config_.client_certificate_pem = unknown.pem();
  config_.client_key_pem = unknown.key_pem();
  config_.client_certificate_file = folder.write("tls.crt", unknown.pem());
  config_.client_key_file = folder.write("tls.key", unknown.key_pem());
  EXPECT_FALSE(get("/"));
  folder.write("tls.crt", known.pem());
  EXPECT_FALSE(get("/"));  // of another key than the file's: still the pair of before
  folder.write("tls.key", known.key_pem());
  expect_hello();
}

TEST_F(CpprestTls, KeepsThePairItHasWhileAFileIsMissing) {
  serve_tls("IP:127.0.0.1", [this](ssl::context& tls) {
    tls.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    tls.add_certificate_authority(boost::asio::buffer(ca_.pem()));
  });
  config_.ca_pem = ca_.pem();
  const Certificate client = ca_.issue("client", "DNS:client");
  config_.client_certificate_pem = client.pem();
  config_.client_key_pem = client.key_pem();
  config_.client_certificate_file = "/missing.crt";
  config_.client_key_file = "/missing.key";
  expect_hello();
}

TEST_F(CpprestTls, SaysThatItsOwnCertificateIsNone) {
  serve_tls("IP:127.0.0.1");
  config_.ca_pem = ca_.pem();
  config_.client_certificate_pem = "not a certificate";
  config_.client_key_pem = "not a key";
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kInternal);
  EXPECT_THAT(answer.error().message, HasSubstr("client certificate"));
}

TEST_F(CpprestTls, RefusesAnOldProtocol) {
  serve_tls("IP:127.0.0.1", [](ssl::context& tls) {
    SSL_CTX_set_security_level(tls.native_handle(), 0);
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(tls.native_handle(), TLS1_1_VERSION);
  });
  config_.ca_pem = ca_.pem();
  EXPECT_FALSE(get("/"));
}

TEST_F(CpprestTls, SaysThatTheOtherSideSpeaksNoTls) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    co_await connection.answer("400 Bad Request", "this is no TLS");
  });
  config_.server.replace(0, 4, "https");
  const Result<HttpResponse> answer = get("/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
}

TEST_F(CpprestTls, StreamsToo) {
  const Certificate server = ca_.issue("server", "IP:127.0.0.1");
  auto tls = std::make_shared<ssl::context>(ssl::context::tls_server);
  tls->use_certificate_chain(boost::asio::buffer(server.pem()));
  tls->use_private_key(boost::asio::buffer(server.key_pem()), ssl::context::pem);
  serve(
      [](Connection& connection) -> asio::awaitable<void> {
        (void)co_await connection.read_request();
        co_await connection.start_stream();
        const std::string lines = std::string(1999, 'x') + "\n" + std::string(999, 'y') + "\n";
        for (int i = 0; i < 2000; ++i) co_await connection.chunk(lines);
        co_await connection.end_stream();
        co_await connection.wait_for_close();
      },
      std::move(tls));
  config_.ca_pem = ca_.pem();
  Result<StreamResponse> stream = open("/watch");
  ASSERT_TRUE(stream) << stream.error().message;
  for (int i = 0; i < 4000; ++i) {
    const Line line = next(*stream);
    ASSERT_TRUE(line && *line);
    ASSERT_EQ((*line)->size(), i % 2 == 0 ? 1999U : 999U);
  }
  const Line end = next(*stream);
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

}  // namespace
}  // namespace pd::kube
