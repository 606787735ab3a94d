// The golden tables (tests/data/ranktable) and the memberships that they were written for.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include "ranktable/findings.h"
#include "ranktable/membership.h"

namespace pd::ranktable {

inline std::string sample_file(const std::string& name) {
  std::ifstream file(std::string(PD_TEST_DATA) + "/ranktable/" + name + ".json");
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's name
inline void PrintTo(const Finding& finding, std::ostream* out) { *out << to_string(finding); }

// One of AscendCloud's.
inline std::string sample(const std::string& name) { return sample_file("ascendcloud-" + name); }

inline Server server_of(const std::string& ip, std::vector<Device> devices) { return {ip, ip, std::move(devices)}; }

inline Membership one_prefill_one_decode() {
  const std::string ip = "10.0.0.18";
  return {.schedulers = {server_of(ip, {})},
          .prefill = {{"prefill-0", {server_of(ip, {{4, "29.81.18.104"}, {5, "29.81.18.105"}})}}},
          .decode = {{"decode-0", {server_of(ip, {{6, "29.81.18.106"}, {7, "29.81.18.107"}})}}}};
}

inline Membership two_prefill_two_decode() {
  const std::string ip = "10.0.0.19";
  Membership membership = one_prefill_one_decode();
  membership.prefill.push_back({"prefill-1", {server_of(ip, {{0, "29.81.19.100"}, {1, "29.81.19.101"}})}});
  membership.decode.push_back({"decode-1", {server_of(ip, {{2, "29.81.19.102"}, {3, "29.81.19.103"}})}});
  return membership;
}

}  // namespace pd::ranktable
