#include "ranktable/validate.h"

#include <algorithm>

#include "ranktable/checks.h"
#include "ranktable/profile.h"

namespace pd::ranktable {
namespace {

// A table of this size does not fit in a ConfigMap (rule 15).
constexpr std::size_t kTableBytes = std::size_t{1} << 20;
constexpr JsonLimits kLimits{.bytes = kTableBytes, .depth = 12, .string_bytes = 4096};

using Check = void (*)(const Json&, Findings&);

const Profile* check_profile(std::string_view name, Findings& findings) {
  const Profile* profile = find_profile(name);
  if (profile != nullptr) return profile;
  std::string known;
  for (const std::string_view other : profile_names()) known += (known.empty() ? "" : ", ") + std::string(other);
  findings.add(0, Place(), "the profile " + shown(std::string(name)) + " is not known; it should be one of: " + known);
  return nullptr;
}

// Null for what is not a JSON object.
Json check_document(std::string_view text, Findings& findings) {
  if (text.size() >= kTableBytes) {
    findings.add(15, Place(),
                 "the table has " + std::to_string(text.size()) + " bytes; a ConfigMap holds less than " +
                     std::to_string(kTableBytes));
    return nullptr;
  }
  Result<Json> document = parse_json(text, kLimits);
  if (!document) {
    findings.add(0, Place(), "the table can't be read: " + document.error().message);
    return nullptr;
  }
  if (document->is_object()) return *std::move(document);
  findings.add(0, Place(), "a table should be a JSON object, and this is " + shown(*document));
  return nullptr;
}

std::vector<Finding> validate(std::string_view text, std::string_view profile_name, Check Profile::*check) {
  Findings findings;
  const Profile* profile = check_profile(profile_name, findings);
  if (profile == nullptr) return findings.take();
  const Json document = check_document(text, findings);
  if (document.is_null()) return findings.take();
  const Place root;
  check_scalars_are_strings(document, root, findings);
  check_constant(document, root, "version", "1.0", 3, findings);
  check_constant(document, root, "status", "completed", 16, findings);
  // A table that says it is not there yet has nothing else to be judged.
  const bool initializing = document.contains("status") && document["status"] == "initializing";
  if (!initializing || document.size() > 2) (profile->*check)(document, findings);
  return findings.take();
}

}  // namespace

std::vector<Finding> validate_global(std::string_view text, std::string_view profile) {
  return validate(text, profile, &Profile::check_global);
}

std::vector<Finding> validate_local(std::string_view text, std::string_view profile) {
  return validate(text, profile, &Profile::check_local);
}

std::vector<Finding> validate_host(std::string_view text, std::string_view profile) {
  return validate(text, profile, &Profile::check_host);
}

std::vector<Finding> validate_mirror(std::string_view global, std::string_view local, std::string_view profile_name) {
  Findings findings;
  const Profile* profile = check_profile(profile_name, findings);
  if (profile == nullptr) return findings.take();
  const Json global_document = check_document(global, findings);
  const Json local_document = check_document(local, findings);
  if (!global_document.is_null() && !local_document.is_null()) {
    profile->check_mirror(global_document, local_document, findings);
  }
  return findings.take();
}

std::string to_string(const Finding& finding) {
  std::string line = "rule " + std::to_string(finding.rule) + " at " +
                     (finding.pointer.empty() ? "/" : finding.pointer) + ": " + finding.message;
  // Keys of a hostile table may hold line breaks; a finding stays one line.
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return line;
}

Result<std::string> read_status(std::string_view text) {
  Result<Json> document = parse_json(text, kLimits);
  if (!document) return document.error();
  if (!document->is_object()) return invalid("a table should be a JSON object");
  const auto status = document->find("status");
  if (status == document->end() || !status->is_string()) return invalid("the table has no \"status\" that is a string");
  return status->get<std::string>();
}

namespace {

Status append_server_ips(const Json& holder, std::vector<std::string>& ips) {
  if (!holder.is_object()) return invalid("a group should be an object");
  const auto list = holder.find("server_list");
  if (list == holder.end() || !list->is_array()) return invalid("\"server_list\" should be a list of servers");
  for (const Json& server : *list) {
    const auto ip = server.is_object() ? server.find("server_ip") : server.end();
    if (ip == server.end() || !ip->is_string()) return invalid("a server has no \"server_ip\" that is a string");
    ips.push_back(ip->get<std::string>());
  }
  return Ok{};
}

}  // namespace

Result<std::vector<std::string>> read_server_ips(std::string_view text) {
  const Result<Json> document = parse_json(text, kLimits);
  if (!document) return document.error();
  if (!document->is_object()) return invalid("a table should be a JSON object");
  std::vector<std::string> ips;
  const auto groups = document->find("server_group_list");
  if (groups == document->end()) {
    const Status appended = append_server_ips(*document, ips);
    if (!appended) return appended.error();
    return ips;
  }
  if (!groups->is_array()) return invalid("\"server_group_list\" should be a list of groups");
  for (const Json& group : *groups) {
    const Status appended = append_server_ips(group, ips);
    if (!appended) return appended.error();
  }
  return ips;
}

}  // namespace pd::ranktable
