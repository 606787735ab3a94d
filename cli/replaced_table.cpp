#include "cli/replaced_table.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/file.h"
#include "ranktable/validate.h"

namespace pd::cli {
namespace {

using ranktable::Membership;
using ranktable::Part;

constexpr const char* kAdvice = "; choose another --save-dir, or --force to replace it";

Error already_there(const std::string& what) { return {Code::kAlreadyExists, what + kAdvice}; }

// Whose table it is: addresses and devices in rank order. The devices' own addresses may change.
std::optional<std::string> identity_of(std::string_view text) {
  const Result<ranktable::Document> document = ranktable::parse_document(text);
  if (!document) return std::nullopt;
  const ranktable::Recognised recognised = ranktable::recognise(document->root());
  if (recognised.profile == nullptr || recognised.profile->read_local == nullptr) return std::nullopt;
  const Result<ranktable::Instance> instance = recognised.profile->read_local(document->root());
  if (!instance) return std::nullopt;
  std::string identity;
  for (const ranktable::Server& server : instance->servers) {
    std::string ids;
    for (const ranktable::Device& device : server.devices) ids += (ids.empty() ? "" : ",") + std::to_string(device.id);
    identity += (identity.empty() ? "" : " and ") + ("devices " + ids + " of " + server.ip);
  }
  return identity;
}

Status check_local(const std::string& old, const std::string& content, const std::string& path) {
  const std::optional<std::string> before = identity_of(old);
  if (!before) return already_there(path + " is there and is no local ranktable");
  const std::optional<std::string> now = identity_of(content);
  if (before == now) return Ok{};
  return already_there(path + " is the table of another instance (" + *before + "), this one has " +
                       now.value_or("others"));
}

// A host's table has no devices: what it tells is an address.
Status check_host(const std::string& old, const std::string& content, const std::string& path) {
  const Result<ranktable::Document> document = ranktable::parse_document(old);
  const bool is_host = document && ranktable::recognise(document->root()).profile != nullptr &&
                       ranktable::recognise(document->root()).part == Part::kHost;
  if (!is_host) return already_there(path + " is there and is no host's local ranktable");
  const Result<std::vector<std::string>> before = ranktable::read_server_ips(old);
  const Result<std::vector<std::string>> now = ranktable::read_server_ips(content);
  if (before && now && *before == *now) return Ok{};
  return already_there(path + " is the table of another host" +
                       (before && !before->empty() ? ", " + before->front() : ""));
}

// What a global table lists.
struct Listed {
  std::map<std::string, std::set<int>> devices;  // by server_ip
  std::set<std::string> schedulers;              // and controllers
};

Result<Listed> listed_in(std::string_view text) {
  const Result<ranktable::Document> document = ranktable::parse_document(text);
  if (!document) return document.error();
  const ranktable::Recognised recognised = ranktable::recognise(document->root());
  if (recognised.profile == nullptr) {
    const bool nothing_yet = document->root().find("status").text() == "initializing";
    if (nothing_yet) return Listed{};
    return invalid("it has no known layout");
  }
  if (recognised.part != Part::kGlobal || recognised.profile->read_global == nullptr) {
    return invalid("it is a " + std::string(name_of(recognised.part)) + " table");
  }
  const Result<Membership> membership = recognised.profile->read_global(document->root());
  if (!membership) return membership.error();
  Listed listed;
  for (const auto* role : {&membership->prefill, &membership->decode, &membership->unassigned}) {
    for (const ranktable::Instance& instance : *role) {
      for (const ranktable::Server& server : instance.servers) {
        for (const ranktable::Device& device : server.devices) listed.devices[server.ip].insert(device.id);
      }
    }
  }
  for (const auto* role : {&membership->schedulers, &membership->controllers}) {
    for (const ranktable::Server& server : *role) listed.schedulers.insert(server.ip);
  }
  return listed;
}

// "devices 4,5 of 10.0.0.18, the scheduler 10.0.0.18"; empty when nothing would be.
std::string lost(const Listed& before, const Listed& now) {
  std::string text;
  for (const auto& [server, devices] : before.devices) {
    const auto same = now.devices.find(server);
    std::string ids;
    for (const int id : devices) {
      if (same != now.devices.end() && same->second.contains(id)) continue;
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
    }
    if (!ids.empty())
      text.append(text.empty() ? "" : " and ").append("devices ").append(ids).append(" of ").append(server);
  }
  for (const std::string& scheduler : before.schedulers) {
    if (!now.schedulers.contains(scheduler)) text += (text.empty() ? "" : " and ") + ("the scheduler " + scheduler);
  }
  return text;
}

Status check_global(const std::string& old, const std::string& content, const std::string& path) {
  const Result<Listed> before = listed_in(old);
  if (!before) return already_there(path + " is there and is no global ranktable (" + before.error().message + ")");
  const Result<Listed> now = listed_in(content);
  if (!now) return now.error();
  const std::string missing = lost(*before, *now);
  if (missing.empty()) return Ok{};
  return Error{Code::kAlreadyExists, path + " lists " + missing +
                                         ", which the new table lacks; name all of them in one call, choose another "
                                         "--save-dir, or --force to replace it"};
}

}  // namespace

Status check_replaced(const TableFile& file, const std::string& path) {
  const Result<std::string> old = read_file(path, ranktable::kDocumentLimits.bytes);
  if (!old) return old.error();
  switch (file.part) {
    case Part::kGlobal:
      return check_global(*old, file.content, path);
    case Part::kLocal:
      return check_local(*old, file.content, path);
    case Part::kHost:
      return check_host(*old, file.content, path);
  }
  return Ok{};
}

}  // namespace pd::cli
