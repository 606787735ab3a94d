// Texts that look like PEM; nobody reads what is in them.
#pragma once

namespace pd::test {

inline constexpr const char* kPemCertificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
inline constexpr const char* kPemKey = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

}  // namespace pd::test
