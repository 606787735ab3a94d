#include "ranktable/instance_groups.h"

namespace pd::ranktable {
namespace {

// Prefill instances are of one size and decode instances of another, and the table does not say where the one role
// ends: the size may change once.
void check_two_sizes(const InstanceSizes& sizes, Findings& findings) {
  std::size_t changes = 0;
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    if (sizes[i].second == sizes[i - 1].second || ++changes == 1) continue;
    findings.add(kEqualSizes, sizes[i].first,
                 "this instance has " + std::to_string(sizes[i].second) + " devices and the one before it " +
                     std::to_string(sizes[i - 1].second) +
                     "; all instances of a role should have the same number, prefill first, then decode");
    return;
  }
}

}  // namespace

void write_instance_groups(Writer& writer, const Membership& membership, std::size_t first_group) {
  std::size_t group = first_group;
  for (const auto* role : {&membership.prefill, &membership.decode, &membership.unassigned}) {
    for (const Instance& instance : *role) write_group(writer, std::to_string(group++), servers_of(instance));
  }
}

void check_instance_groups(Value document, std::size_t first_group, Findings& findings) {
  const Value groups = check_group_list(document, findings);
  if (!groups) return;
  if (groups.size() <= first_group) {
    findings.add(kNotEmpty, groups, "there should be a group for each instance, at least one");
  }
  UniqueDevices unique;
  InstanceSizes sizes;
  std::size_t index = 0;
  for (const Value group : groups) {
    if (findings.full()) break;
    if (index++ < first_group) continue;
    const Value list = check_group(group, std::to_string(index - 1), findings);
    if (!list) continue;
    if (list.size() == 0) findings.add(kNotEmpty, list, "an instance should have at least one server");
    const std::size_t devices = check_instance(list, unique, findings);
    if (devices > 0) sizes.emplace_back(list, devices);
  }
  check_two_sizes(sizes, findings);
  unique.report(findings);
}

Status read_instance_groups(Value document, std::size_t first_group, Membership& membership) {
  const Value groups = document.find("server_group_list");
  if (!groups.is_list()) return unreadable(document, "\"server_group_list\" should be a list of groups");
  std::size_t index = 0;
  for (const Value group : groups) {
    if (group.find("group_id").text() != std::to_string(index++)) {
      return unreadable(group, "group_id should be \"" + std::to_string(index - 1) + "\"");
    }
    if (index <= first_group) continue;
    Result<std::vector<Server>> servers = read_servers(group.find("server_list"));
    if (!servers) return servers.error();
    membership.unassigned.push_back({{}, std::move(*servers)});
  }
  name_instances(membership);
  return Ok{};
}

}  // namespace pd::ranktable
