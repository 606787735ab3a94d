#include "ranktable/merge.h"

#include <map>

#include "ranktable/address_key.h"
#include "ranktable/validate.h"

namespace pd::ranktable {
namespace {

Error refused(const Source& source, const std::string& problem) { return invalid(source.name + ": " + problem); }

Status check_sources(const std::vector<Source>& sources) {
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Value root = sources[i].document->root();
    const Value status = root.find("status");
    if (status.text() != "completed") {
      return refused(sources[i], "the table's status is " + shown(status) + " and should be \"completed\"");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!(sources[j].document->root() == root)) continue;
      return refused(sources[i], "this is the same table as " + sources[j].name + "; give each table once");
    }
  }
  return Ok{};
}

// Who holds which device so far.
class Holders {
 public:
  Status add(const Instance& instance, const Source& source) {
    for (const Server& server : instance.servers) {
      for (const Device& device : server.devices) {
        const std::string name = "device " + std::to_string(device.id) + " of " + server.ip;
        Status by_id = claim(key_of(server.ip) + '#' + std::to_string(device.id), name, source);
        if (!by_id) return by_id;
        Status by_ip = claim(key_of(device.ip), "the NPU address " + device.ip, source);
        if (!by_ip) return by_ip;
      }
    }
    return Ok{};
  }

 private:
  // One for all spellings of an address.
  static std::string key_of(const std::string& address) {
    const std::string key = address_key(address);
    return key.empty() ? address : key;
  }

  Status claim(const std::string& key, const std::string& name, const Source& source) {
    const auto [holder, is_new] = holders_.emplace(key, source.name);
    if (is_new) return Ok{};
    return refused(source, name + " is also in " + holder->second + "; a device serves one instance only");
  }

  std::map<std::string, std::string> holders_;
};

std::size_t size_of(const Instance& instance) {
  std::size_t size = 0;
  for (const Server& server : instance.servers) size += server.devices.size();
  return size;
}

Status check_sizes(const std::vector<Instance>& role) {
  for (const Instance& instance : role) {
    if (size_of(instance) == size_of(role.front())) continue;
    return invalid(instance.name + " has " + std::to_string(size_of(instance)) + " devices and " + role.front().name +
                   " has " + std::to_string(size_of(role.front())) +
                   "; all instances of a role should have the same number (else --allow-unequal-sizes)");
  }
  return Ok{};
}

// What a table breaks on its own goes into no merge: ranks that are missing, a count that a truncated list does not
// have.
Status check_source(const Source& source, const Recognised& found) {
  RuleSet rules = found.profile->rules.without(kEqualSizes).without(kSize);
  if (found.part == Part::kGlobal) rules = rules.without(kLayout).without(kNotEmpty);  // a part of a deployment
  const std::vector<Finding> findings = validate(*source.document, *found.profile, found.part, rules);
  return findings.empty() ? Status(Ok{}) : refused(source, to_string(findings.front()));
}

Status check_merged(const Membership& membership, const MergeOptions& options) {
  if (!options.allow_missing_groups) {
    const char* missing = membership.schedulers.empty()
                              ? "scheduler (the table of the host that was given --api-server)"
                          : membership.prefill.empty() ? "prefill instance"
                          : membership.decode.empty()  ? "decode instance"
                                                       : nullptr;
    if (missing != nullptr) {
      return invalid(std::string("none of the tables has a ") + missing +
                     "; add the table of the host that has it, or merge in steps with --allow-missing-groups");
    }
  }
  if (options.allow_unequal_sizes) return Ok{};
  const Status prefill = check_sizes(membership.prefill);
  return prefill ? check_sizes(membership.decode) : prefill;
}

Result<Membership> read_part(const Source& source) {
  const Value root = source.document->root();
  const Recognised found = recognise(root);
  if (found.profile == nullptr || found.part != Part::kGlobal) {
    return refused(source, "this is no global table; local tables are merged by merge-local and merge-all");
  }
  if (found.profile->name != "AscendCloud") {
    return refused(source, "this is a table of the layout " + std::string(found.profile->name) +
                               "; only tables as gen writes them can be merged");
  }
  const Status right = check_source(source, found);
  if (!right) return right.error();
  Result<Membership> membership = found.profile->read_global(root);
  return membership ? membership : Result<Membership>(membership.error().with_context(source.name));
}

Result<Instance> read_instance(const Source& source) {
  const Value root = source.document->root();
  const Recognised found = recognise(root);
  if (found.profile == nullptr || found.part == Part::kGlobal) {
    return refused(source, "this is no local table; global tables are merged by merge");
  }
  if (found.part == Part::kHost) {
    return refused(source, "this is the scheduler's table, which has no devices; give the instances' ones");
  }
  if (found.profile->check_host == nullptr) {
    return refused(source, "this is a table of the layout " + std::string(found.profile->name) +
                               "; only local tables as gen writes them can be merged");
  }
  const Status right = check_source(source, found);
  if (!right) return right.error();
  Result<Instance> instance = found.profile->read_local(root);
  if (!instance) return instance.error().with_context(source.name);
  for (const Server& server : instance->servers) {
    if (server.devices.empty()) return refused(source, "the server " + server.ip + " has no devices");
  }
  return instance;
}

}  // namespace

Result<Membership> merge_global(const std::vector<Source>& sources, const MergeOptions& options) {
  const Status checked = check_sources(sources);
  if (!checked) return checked.error();
  Membership merged;
  Holders holders;
  std::string scheduler;  // the source that has it
  for (const Source& source : sources) {
    Result<Membership> part = read_part(source);
    if (!part) return part.error();
    for (Server& server : part->schedulers) {
      if (!merged.schedulers.empty()) {
        if (server == merged.schedulers.front()) {
          return refused(source, "it lists the same scheduler, " + server.ip + ", as " + scheduler +
                                     "; is one of them already a merge of the other?");
        }
        return refused(source, "there is a second scheduler, " + server.ip + ", beside " +
                                   merged.schedulers.front().ip + " in " + scheduler +
                                   "; only one host may be given --api-server");
      }
      merged.schedulers.push_back(std::move(server));
      scheduler = source.name;
    }
    for (const auto& [from, to] : {std::pair(&part->prefill, &merged.prefill), {&part->decode, &merged.decode}}) {
      for (Instance& instance : *from) {
        const Status held = holders.add(instance, source);
        if (!held) return held.error();
        to->push_back(std::move(instance));
      }
    }
  }
  name_instances(merged);
  const Status right = check_merged(merged, options);
  if (!right) return right.error();
  return merged;
}

Result<Instance> merge_local(const std::vector<Source>& sources) {
  const Status checked = check_sources(sources);
  if (!checked) return checked.error();
  Instance merged;
  Holders holders;
  for (const Source& source : sources) {
    Result<Instance> instance = read_instance(source);
    if (!instance) return instance.error();
    const Status held = holders.add(*instance, source);
    if (!held) return held.error();
    for (Server& server : instance->servers) merged.servers.push_back(std::move(server));
  }
  return merged;
}

Result<Membership> merge_all(const std::vector<Source>& prefill, const std::vector<Source>& decode,
                             const MergeOptions& options) {
  std::vector<Source> all = prefill;
  all.insert(all.end(), decode.begin(), decode.end());
  const Status checked = check_sources(all);
  if (!checked) return checked.error();
  Membership merged;
  Holders holders;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Result<Instance> instance = read_instance(all[i]);
    if (!instance) return instance.error();
    const Status held = holders.add(*instance, all[i]);
    if (!held) return held.error();
    (i < prefill.size() ? merged.prefill : merged.decode).push_back(std::move(*instance));
  }
  name_instances(merged);
  if (!options.allow_missing_groups && (merged.prefill.empty() || merged.decode.empty())) {
    return invalid("there should be at least one prefill and one decode instance");
  }
  if (options.allow_unequal_sizes) return merged;
  for (const auto* role : {&merged.prefill, &merged.decode}) {
    const Status equal = check_sizes(*role);
    if (!equal) return equal.error();
  }
  return merged;
}

}  // namespace pd::ranktable
