// What the checks read of names and tables.
#include "ranktable/profile.h"
#include "tests/simulation/safety_checks.h"

namespace pd::test {

std::optional<SlotName> slot_of(const std::string& deployment, const std::string& pod) {
  if (!pod.starts_with(deployment + "-")) return std::nullopt;
  std::vector<std::string> parts = {""};
  for (const char c : pod.substr(deployment.size() + 1)) {
    if (c == '-') parts.emplace_back();
    if (c != '-') parts.back() += c;
  }
  if (parts.size() != 4 || (parts[0] != "scheduler" && parts[0] != "prefill" && parts[0] != "decode"))
    return std::nullopt;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const bool digits =
        !parts[i].empty() && parts[i].size() < 10 && parts[i].find_first_not_of("0123456789") == std::string::npos;
    if (!digits) return std::nullopt;
  }
  return SlotName{parts[0], std::stoi(parts[1]), std::stoi(parts[2]), std::stoll(parts[3])};
}

bool says_completed(const std::string& table) { return table.find("\"status\":\"completed\"") != std::string::npos; }

std::string local_key_of(const std::string& instance) {
  return "local_ranktable_" + (instance == "scheduler" ? "host" : instance) + ".json";
}

std::vector<ranktable::Server> listed_servers(const std::string& local, const std::string& profile) {
  const Result<ranktable::Document> document = ranktable::parse_document(local);
  if (!says_completed(local) || !document) return {};
  const Result<ranktable::Instance> instance = ranktable::find_profile(profile)->read_local(document->root());
  return instance ? instance->servers : std::vector<ranktable::Server>();
}

bool lists_address(const std::string& local, const std::string& address) {
  return says_completed(local) && local.find('"' + address + '"') != std::string::npos;
}

}  // namespace pd::test
