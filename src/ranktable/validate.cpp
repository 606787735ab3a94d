#include "ranktable/validate.h"

#include <algorithm>
#include <unordered_map>

#include "ranktable/groups.h"

namespace pd::ranktable {
namespace {

constexpr std::size_t kConfigMapBytes = std::size_t{1} << 20;  // rule 15

// A mounted table, or one that is to be: nothing larger is read.
constexpr JsonLimits kMountedLimits{.bytes = kConfigMapBytes, .depth = 12, .string_bytes = 4096};

using Check = void (*)(Value, Findings&);

Check check_of(const Profile& profile, Part part) {
  if (part == Part::kGlobal) return profile.check_global;
  return part == Part::kLocal ? profile.check_local : profile.check_host;
}

void check_document(Value root, const Profile& profile, Part part, Findings& findings) {
  if (!root.is_object()) {
    findings.add(kReadable, root, "a table should be a JSON object, and this is " + shown(root));
    return;
  }
  const Check check = check_of(profile, part);
  if (check == nullptr) {
    const std::string has = profile.check_global == nullptr ? "no global table" : "no such local table";
    findings.add(kReadable, root, "the profile " + std::string(profile.name) + " has " + has);
    return;
  }
  check_scalars(root, profile.integer_counts, findings);
  check_constant(root, "status", "completed", kStatus, findings);
  // A table that says it is not there yet has nothing else to be judged.
  const bool initializing = root.find("status").text() == "initializing";
  if (!initializing || root.size() > 2) check(root, findings);
}

std::string list_profiles() {
  std::string known;
  for (const std::string_view name : profile_names()) known += (known.empty() ? "" : ", ") + std::string(name);
  return known;
}

const Profile* check_profile(std::string_view name, Findings& findings) {
  const Profile* profile = find_profile(name);
  if (profile == nullptr) {
    findings.add_at(
        kReadable, "",
        "the profile " + pd::shown(Json(std::string(name))) + " is not known; it should be one of: " + list_profiles());
  }
  return profile;
}

std::optional<Document> read_mounted(std::string_view text, Findings& findings) {
  if (text.size() >= kConfigMapBytes) {
    findings.add_at(kSize, "",
                    "the table has " + std::to_string(text.size()) + " bytes; a ConfigMap holds less than " +
                        std::to_string(kConfigMapBytes));
    return std::nullopt;
  }
  Result<Document> document = parse_document(text, kMountedLimits);
  if (document) return *std::move(document);
  findings.add_at(kReadable, "", "the table can't be read: " + document.error().message);
  return std::nullopt;
}

std::vector<Finding> validate_text(std::string_view text, std::string_view profile_name, Part part) {
  Findings findings({kSize});
  const Profile* profile = check_profile(profile_name, findings);
  if (profile == nullptr) return findings.take();
  const std::optional<Document> document = read_mounted(text, findings);
  return document ? validate(*document, *profile, part, profile->rules) : findings.take();
}

// The server lists of a global table that a local table may repeat, found by the first server's address: a group's as a
// whole where ranks run on over it, and each of its servers where each is an instance.
class GlobalEntries {
 public:
  explicit GlobalEntries(Value global) {
    for (const Value group : global.find("server_group_list")) {
      const Value list = group.find("server_list");
      if (list.size() == 0) continue;
      const auto key = [](Value server) { return server.find("server_ip").text(); };
      groups_.emplace(key(*list.begin()), list);
      has_hosts_ = has_hosts_ || !has_devices(list);
      if (list.size() > 1 && runs_on(list)) continue;
      for (const Value server : list) servers_.emplace(key(server), server);
    }
  }

  // The local table's servers in the order of the global one. The Ascend operator's form, which names addresses
  // otherwise, is compared by what both say. A layout without a scheduler has nothing that the scheduler's local table
  // could repeat.
  bool repeated_by(Value servers) const {
    if (servers.size() == 0) return false;
    if (!has_hosts_ && !has_devices(servers)) return true;
    const Value first = *servers.begin();
    const std::string_view ip = address_of(first);
    if (servers.size() == 1) return any(servers_, ip, [&](Value entry) { return repeats(entry, first); });
    return any(groups_, ip, [&](Value list) { return repeats_list(list, servers); });
  }

 private:
  using Entries = std::unordered_multimap<std::string_view, Value>;

  static bool runs_on(Value list) {
    const Value devices = (*++list.begin()).find("device");
    return devices.size() > 0 && (*devices.begin()).find("rank_id").text() != "0";
  }

  static std::string_view address_of(Value server) {
    const Value container = server.find("container_ip");
    return container ? container.text() : server.find("server_ip").text();
  }

  template <typename Predicate>
  static bool any(const Entries& entries, std::string_view ip, Predicate is_same) {
    const auto [first, last] = entries.equal_range(ip);
    return std::any_of(first, last, [&](const auto& entry) { return is_same(entry.second); });
  }

  static bool repeats_list(Value list, Value servers) {
    if (list.size() != servers.size()) return false;
    Value::Iterator theirs = servers.begin();
    for (const Value server : list) {
      if (!repeats(server, *theirs)) return false;
      ++theirs;
    }
    return true;
  }

  static bool repeats(Value entry, Value server) {
    if (!server.find("container_ip")) return entry == server;
    const Value devices = entry.find("device");
    const Value others = server.find("device");
    if (devices.size() != others.size()) return false;
    Value::Iterator theirs = others.begin();
    for (const Value device : devices) {
      for (const std::string_view key : {"device_id", "device_ip", "rank_id"}) {
        if (!(device.find(key) == (*theirs).find(key))) return false;
      }
      ++theirs;
    }
    return true;
  }

  Entries groups_;
  Entries servers_;
  bool has_hosts_ = false;
};

}  // namespace

std::vector<Finding> validate(const Document& document, const Profile& profile, Part part, RuleSet rules) {
  Findings findings(rules);
  check_document(document.root(), profile, part, findings);
  return findings.take();
}

std::vector<MirrorFinding> validate_mirrors(const Document& global, const std::vector<const Document*>& locals,
                                            const Profile& profile, RuleSet rules) {
  std::vector<MirrorFinding> list;
  if (!profile.rules.has(kMirror) || !rules.has(kMirror)) return list;
  const GlobalEntries entries(global.root());
  for (std::size_t i = 0; i < locals.size() && list.size() < Findings::kMost; ++i) {
    const Value servers = locals[i]->root().find("server_list");
    if (entries.repeated_by(servers)) continue;
    list.push_back({i,
                    {kMirror, servers ? servers.pointer() : "/server_list",
                     "no entry of the global table is the same as this local table's; they should mirror each "
                     "other"}});
  }
  return list;
}

std::vector<Finding> validate_size(std::size_t bytes, RuleSet rules) {
  Findings findings(rules);
  if (bytes >= kConfigMapBytes) {
    findings.add_at(kSize, "",
                    "the tables have " + std::to_string(bytes) + " bytes in all; a ConfigMap holds less than " +
                        std::to_string(kConfigMapBytes));
  }
  return findings.take();
}

namespace {

// The tables of one deployment, judged one after the other and then together.
class DocumentsJudge {
 public:
  DocumentsJudge(const Profile& profile, RuleSet rules) : profile_(profile), rules_(rules) {}

  // Nothing for a text that can't be read.
  std::optional<Document> judge(const std::string& text, Part part, const std::string& table) {
    bytes_ += text.size();
    Result<Document> document = parse_document(text);
    if (!document) {
      add(table, {{kReadable, "", "the table can't be read: " + document.error().message}});
      return std::nullopt;
    }
    add(table, validate(*document, profile_, part, rules_));
    return *std::move(document);
  }

  void judge_local(const std::string& text, Part part, const std::string& table) {
    if (std::optional<Document> document = judge(text, part, table)) locals_.emplace_back(table, *std::move(document));
  }

  void compare(const Document& global) {
    std::vector<const Document*> locals;
    for (const auto& [table, document] : locals_) locals.push_back(&document);
    for (MirrorFinding& found : validate_mirrors(global, locals, profile_, rules_)) {
      add(locals_[found.local].first, {std::move(found.finding)});
    }
  }

  std::vector<Finding> take() {
    add("", validate_size(bytes_, rules_));
    return std::move(all_);
  }

 private:
  void add(const std::string& table, std::vector<Finding> findings) {
    for (Finding& finding : findings) {
      finding.table = table;
      all_.push_back(std::move(finding));
    }
  }

  const Profile& profile_;
  RuleSet rules_;
  std::size_t bytes_ = 0;
  std::vector<std::pair<std::string, Document>> locals_;
  std::vector<Finding> all_;
};

}  // namespace

std::vector<Finding> validate_documents(const Documents& documents, const Profile& profile, RuleSet rules) {
  DocumentsJudge judge(profile, rules);
  std::optional<Document> global;
  if (!documents.global.empty()) global = judge.judge(documents.global, Part::kGlobal, "the global table");
  for (const auto& [name, text] : documents.locals) judge.judge_local(text, Part::kLocal, "the local table of " + name);
  if (!documents.host.empty() && profile.check_host != nullptr) {
    judge.judge_local(documents.host, Part::kHost, "the scheduler's local table");
  }
  if (global) judge.compare(*global);
  return judge.take();
}

std::vector<Finding> validate_global(std::string_view text, std::string_view profile) {
  return validate_text(text, profile, Part::kGlobal);
}

std::vector<Finding> validate_local(std::string_view text, std::string_view profile) {
  return validate_text(text, profile, Part::kLocal);
}

std::vector<Finding> validate_host(std::string_view text, std::string_view profile) {
  return validate_text(text, profile, Part::kHost);
}

std::vector<Finding> validate_mirror(std::string_view global, std::string_view local, std::string_view profile_name) {
  Findings findings({kSize});
  const Profile* profile = check_profile(profile_name, findings);
  if (profile == nullptr) return findings.take();
  const std::optional<Document> global_document = read_mounted(global, findings);
  const std::optional<Document> local_document = read_mounted(local, findings);
  if (!global_document || !local_document) return findings.take();
  std::vector<Finding> list;
  for (MirrorFinding& found : validate_mirrors(*global_document, {&*local_document}, *profile, profile->rules)) {
    list.push_back(std::move(found.finding));
  }
  return list;
}

std::string to_string(const Finding& finding) {
  std::string line = (finding.table.empty() ? "" : finding.table + ": ") + "rule " + std::to_string(finding.rule) +
                     " (" + std::string(text_of(finding.rule).name) + ") at " +
                     (finding.pointer.empty() ? "/" : finding.pointer) + ": " + finding.message;
  // Keys of a hostile table may hold line breaks; a finding stays one line.
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return line;
}

Result<std::string> read_status(std::string_view text) {
  const Result<Document> document = parse_document(text, kMountedLimits);
  if (!document) return document.error();
  if (!document->root().is_object()) return invalid("a table should be a JSON object");
  const Value status = document->root().find("status");
  if (!status.is_text()) return invalid("the table has no \"status\" that is a string");
  return std::string(status.text());
}

namespace {

Status append_server_ips(Value holder, std::vector<std::string>& ips) {
  const Value list = holder.find("server_list");
  if (!list.is_list()) return invalid("\"server_list\" should be a list of servers");
  for (const Value server : list) {
    const Value ip = server.find("server_ip");
    if (!ip.is_text()) return invalid("a server has no \"server_ip\" that is a string");
    ips.emplace_back(ip.text());
  }
  return Ok{};
}

}  // namespace

Result<std::vector<std::string>> read_server_ips(std::string_view text) {
  const Result<Document> document = parse_document(text, kMountedLimits);
  if (!document) return document.error();
  const Value root = document->root();
  if (!root.is_object()) return invalid("a table should be a JSON object");
  std::vector<std::string> ips;
  const Value groups = root.find("server_group_list");
  if (!groups) {
    const Status appended = append_server_ips(root, ips);
    if (!appended) return appended.error();
    return ips;
  }
  if (!groups.is_list()) return invalid("\"server_group_list\" should be a list of groups");
  for (const Value group : groups) {
    const Status appended = append_server_ips(group, ips);
    if (!appended) return appended.error();
  }
  return ips;
}

}  // namespace pd::ranktable
