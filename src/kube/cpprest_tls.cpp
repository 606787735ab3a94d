#include "kube/cpprest_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <stdexcept>

#include "base/file.h"

namespace pd::kube {
namespace {

namespace ssl = boost::asio::ssl;

// Trusts the given CA alone: the library has already added the system's roots to the store that we replace.
void set_trust(SSL_CTX* context, const std::string& ca_pem) {
  X509_STORE* store = X509_STORE_new();
  BIO* pem = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
  while (X509* certificate = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
  }
  BIO_free(pem);
  ERR_clear_error();                                       // the end of the text counts as an error
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);  // a CA that another one signed is trusted too, as in Go
  SSL_CTX_set_cert_store(context, store);                  // takes the store over
}

std::string newest(const std::string& file, const std::string& known) {
  if (file.empty()) return known;
  const Result<std::string> read = read_file(file);
  return read && !read->empty() ? *read : known;
}

bool use_certificate(ssl::context& tls, const std::string& certificate, const std::string& key) {
  boost::system::error_code bad_certificate;
  boost::system::error_code bad_key;
  tls.use_certificate_chain(boost::asio::buffer(certificate), bad_certificate);
  tls.use_private_key(boost::asio::buffer(key), ssl::context::pem, bad_key);
  const bool good = !bad_certificate && !bad_key && SSL_CTX_check_private_key(tls.native_handle()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

void configure_tls(const Config& config, ssl::context& tls) {
  tls.set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  const std::string ca = newest(config.ca_file, config.ca_pem);
  if (!ca.empty()) set_trust(tls.native_handle(), ca);
  const std::string certificate = newest(config.client_certificate_file, config.client_certificate_pem);
  if (certificate.empty()) return;
  if (use_certificate(tls, certificate, newest(config.client_key_file, config.client_key_pem))) return;
  // Two files are not replaced at one moment: until the second one has come, the pair of before.
  if (!use_certificate(tls, config.client_certificate_pem, config.client_key_pem))
    throw std::runtime_error("client certificate");
}

}  // namespace pd::kube
