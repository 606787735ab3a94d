// Certificates made while a test runs: nothing secret is stored, and nothing expires.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace pd::test {

class Certificate {
 public:
  // Signs itself, and others.
  static Certificate authority(const std::string& name) { return Certificate(name, "", nullptr); }
  // `names`: of the subject alternative names, "IP:127.0.0.1" or "DNS:kubernetes".
  Certificate issue(const std::string& name, const std::string& names) const { return Certificate(name, names, this); }
  Certificate issue_expired(const std::string& name, const std::string& names) const {
    return Certificate(name, names, this, -60);
  }

  std::string pem() const {
    return text([this](BIO* bio) { PEM_write_bio_X509(bio, certificate_.get()); });
  }
  std::string key_pem() const {
    return text([this](BIO* bio) { PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  Certificate(const std::string& name, const std::string& names, const Certificate* issuer, long seconds_left = 3600)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    X509* x509 = certificate_.get();
    X509_set_version(x509, X509_VERSION_3);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), seconds_left);
    X509_set_pubkey(x509, key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const Certificate& signer = issuer == nullptr ? *this : *issuer;
    X509_set_issuer_name(x509, X509_get_subject_name(signer.certificate_.get()));
    add(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) add(NID_subject_alt_name, names);
    if (X509_sign(x509, signer.key_.get(), EVP_sha256()) == 0) throw std::runtime_error("can't sign a certificate");
  }

  void add(int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    if (extension == nullptr) throw std::runtime_error("no such extension: " + value);
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }

  template <typename Write>
  static std::string text(Write write) {
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(length)};
  }

  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
  std::unique_ptr<X509, void (*)(X509*)> certificate_;
};

}  // namespace pd::test
