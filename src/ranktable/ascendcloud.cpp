#include <algorithm>
#include <array>

#include "ranktable/groups.h"
#include "ranktable/layouts.h"

namespace pd::ranktable {
namespace {

constexpr std::array<std::string_view, 3> kGroupNames = {"scheduler", "prefill", "decode"};

// One entry for each instance, whose ranks begin at 0.
void write_role(Writer& writer, std::string_view group_id, const std::vector<Instance>& instances) {
  if (instances.empty()) return;  // part of a deployment: what a single host contributes
  writer.begin_object();
  writer.member("group_id", group_id);
  writer.member("server_count", instances.size());
  writer.key("server_list");
  writer.begin_list();
  for (const Instance& instance : instances) {
    std::size_t rank = 0;
    write_server(writer, instance.servers.front(), rank);
  }
  writer.end_list();
  writer.end_object();
}

Result<Documents> render(const Membership& membership) {
  if (!membership.unassigned.empty()) {
    return invalid(
        "AscendCloud tells prefill from decode, and this table does not: say how many instances are prefill");
  }
  for (const auto* role : {&membership.prefill, &membership.decode}) {
    for (const Instance& instance : *role) {
      if (instance.servers.size() == 1) continue;
      return invalid("AscendCloud has one server for each instance, and " + instance.name + " has " +
                     std::to_string(instance.servers.size()) + ": use PerInstance or OmniK8s");
    }
  }
  Writer writer;
  begin_global(writer, count_devices(membership));
  if (!membership.schedulers.empty()) write_group(writer, "0", servers_of(membership.schedulers));
  write_role(writer, "1", membership.prefill);
  write_role(writer, "2", membership.decode);
  Documents documents{.global = end_global(writer), .locals = {}, .host = {}};
  add_locals(documents, membership);
  return documents;
}

void check_role(Value list, std::string_view name, UniqueDevices& unique, Findings& findings) {
  if (list.size() == 0) {
    findings.add(kNotEmpty, list, "the " + std::string(name) + " group should list at least one instance");
  }
  InstanceSizes sizes;
  for (const Value server : list) {
    if (findings.full()) break;
    const std::size_t devices = check_server(server, 0, unique, findings);
    if (devices > 0) sizes.emplace_back(server.find("device"), devices);
  }
  check_equal_sizes(sizes, findings);
}

// Where groups are missing, the others are judged by what their ids say that they are: rule 3 tells of it once.
void check_global(Value document, Findings& findings) {
  const Value groups = check_group_list(document, findings);
  if (!groups) return;
  if (groups.size() != kGroupNames.size()) {
    findings.add(kLayout, groups,
                 "there are " + std::to_string(groups.size()) +
                     " groups; there should be exactly three: \"0\" scheduler, \"1\" prefill, \"2\" decode");
  }
  UniqueDevices unique;
  std::size_t index = 0;
  for (const Value group : groups) {
    if (findings.full() || index == kGroupNames.size()) break;
    const std::string_view told = group.find("group_id").text();
    const bool is_part = groups.size() < kGroupNames.size() && (told == "0" || told == "1" || told == "2");
    const std::size_t role = is_part ? static_cast<std::size_t>(told.front() - '0') : index;
    ++index;
    const Value list = check_group(group, std::to_string(role), findings);
    if (!list) continue;
    if (role == 0) {
      check_scheduler(list, findings);
    } else {
      check_role(list, kGroupNames.at(role), unique, findings);
    }
  }
  unique.report(findings);
}

void check_local(Value document, Findings& findings) {
  const Value list = document.find("server_list");
  if (list.size() > 1) {
    findings.add(kLayout, list,
                 "the local table lists " + std::to_string(list.size()) +
                     " servers; it should list exactly one, its own instance's");
  }
  check_local_instance(document, findings);
}

// Any of the groups may be missing: a host that has no prefill instance writes no such group.
Result<Membership> read_global(Value document) {
  const Value groups = document.find("server_group_list");
  if (!groups.is_list()) return unreadable(document, "\"server_group_list\" should be a list of groups");
  Membership membership;
  std::array<bool, 3> seen{};
  for (const Value group : groups) {
    const std::optional<std::int64_t> id = plain_number(group.find("group_id").text());
    if (!id || *id > 2) return unreadable(group, "group_id should be \"0\", \"1\" or \"2\"");
    if (std::exchange(seen.at(static_cast<std::size_t>(*id)), true)) {
      return unreadable(group, "group " + std::to_string(*id) + " is there twice");
    }
    Result<std::vector<Instance>> instances = read_each(group.find("server_list"));
    if (!instances) return instances.error();
    if (*id == 0) {
      for (Instance& scheduler : *instances) membership.schedulers.push_back(std::move(scheduler.servers.front()));
    } else {
      (*id == 1 ? membership.prefill : membership.decode) = std::move(*instances);
    }
  }
  name_instances(membership);
  return membership;
}

}  // namespace

const Profile kAscendCloud{
    .name = "AscendCloud",
    .summary = "AscendCloud-LLM's vLLM: groups for scheduler, prefill and decode",
    .rules = kGroupRules,
    .render = render,
    .check_global = check_global,
    .check_local = check_local,
    .check_host = check_local_host,
    .read_global = read_global,
    .read_local = read_local_instance,
};

}  // namespace pd::ranktable
