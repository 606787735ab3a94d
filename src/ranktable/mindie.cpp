#include <set>

#include "ranktable/hccl.h"
#include "ranktable/layouts.h"

namespace pd::ranktable {
namespace {

constexpr std::size_t kMostGroups = 98;
constexpr std::size_t kMostCoordinators = 2;
constexpr std::size_t kMostDevices = 128;  // of a server
constexpr std::int64_t kHighestId = 2048;
constexpr std::size_t kFirstServerGroup = 2;

using Instances = std::vector<const Instance*>;

Instances instances_of(const Membership& membership) {
  Instances instances;
  for (const auto* role : {&membership.prefill, &membership.decode, &membership.unassigned}) {
    for (const Instance& instance : *role) instances.push_back(&instance);
  }
  return instances;
}

// Coordinators and controllers are found by their addresses alone.
void write_hosts(Writer& writer, std::string_view group_id, const std::vector<Server>& servers) {
  writer.begin_object();
  writer.member("group_id", group_id);
  writer.member("server_count", servers.size());
  writer.key("server_list");
  writer.begin_list();
  for (const Server& server : servers) {
    writer.begin_object();
    writer.member("server_ip", server.ip);
    writer.end_object();
  }
  writer.end_list();
  writer.end_object();
}

void write_mindie_server(Writer& writer, const Server& server, std::size_t& rank) {
  writer.begin_object();
  writer.member("server_id", server.host_ip.empty() ? server.id : server.host_ip);
  writer.member("server_ip", server.ip);
  writer.key("device");
  writer.begin_list();
  std::size_t logical = 0;
  for (const Device& device : server.devices) {
    writer.begin_object();
    writer.member("device_id", static_cast<std::size_t>(device.id));
    writer.member("device_ip", device.ip);
    writer.member("rank_id", rank++);
    writer.member("device_logical_id", logical++);
    if (device.super_device_id) writer.member("super_device_id", std::size_t{*device.super_device_id});
    for (const Member& member : device.more) writer.member(member.key, member.value);
    writer.end_object();
  }
  writer.end_list();
  writer.end_object();
}

void open_group(Writer& writer, std::size_t group_id, bool multi_node, std::size_t servers) {
  writer.begin_object();
  writer.member("group_id", group_id);
  if (multi_node) writer.member("deploy_server", "0");
  writer.member("server_count", servers);
  writer.key("server_list");
  writer.begin_list();
}

void close_group(Writer& writer) {
  writer.end_list();
  writer.end_object();
}

// Where no instance spans servers, all of them are in one group; else each instance has its own.
void write_instances(Writer& writer, const Instances& instances) {
  bool multi_node = false;
  for (const Instance* instance : instances) multi_node = multi_node || instance->servers.size() > 1;
  if (!multi_node) open_group(writer, kFirstServerGroup, false, instances.size());
  std::size_t group = kFirstServerGroup;
  for (const Instance* instance : instances) {
    if (multi_node) open_group(writer, group++, true, instance->servers.size());
    std::size_t rank = 0;
    for (const Server& server : instance->servers) write_mindie_server(writer, server, rank);
    if (multi_node) close_group(writer);
  }
  if (!multi_node) close_group(writer);
}

Result<Documents> render(const Membership& membership) {
  if (membership.schedulers.empty()) return invalid("MindIE lists its coordinator in group 0, and there is none");
  Writer writer;
  begin_global(writer, count_devices(membership) * 2);
  write_hosts(writer, "0", membership.schedulers);
  if (!membership.controllers.empty()) write_hosts(writer, "1", membership.controllers);
  const Instances instances = instances_of(membership);
  for (const Instance* instance : instances) {
    if (instance->servers.empty()) return invalid(instance->name + " has no server, and MindIE lists nothing else");
  }
  write_instances(writer, instances);
  Documents documents{.global = end_global(writer), .locals = {}, .host = {}};
  for (const Instance* instance : instances) documents.locals[instance->name] = ascend_operator_table(*instance);
  return documents;
}

void check_logical_id(Value device, Findings& findings) {
  const Value member = device.find("device_logical_id");
  const std::optional<std::int64_t> id = member.is_text() ? plain_number(member.text()) : std::nullopt;
  if (id && *id <= kHighestId) return;
  findings.add(kMindIE, device, "device_logical_id",
               "device_logical_id should be the device's place in its server, from 0 to 2048");
}

std::size_t check_mindie_server(Value server, std::size_t rank, UniqueDevices& unique, Findings& findings) {
  const std::size_t devices = check_server(server, rank, unique, findings);
  if (devices > kMostDevices) {
    findings.add(kMindIE, server.find("device"), "a server should have at most 128 devices");
  }
  if (const Value id = server.find("server_id"); id.is_text() && !address_family(id.text())) {
    findings.add(kMindIE, id, "server_id " + shown(id) + " should be the host's IP address");
  }
  for (const Value device : server.find("device")) check_logical_id(device, findings);
  return devices;
}

// A group's servers: in the single group each is an instance, whose ranks begin at 0, else all of them are one.
void check_servers(Value list, bool single, UniqueDevices& unique, Findings& findings) {
  if (list.size() == 0) findings.add(kNotEmpty, list, "the group should list at least one server");
  std::set<std::pair<std::string_view, std::string_view>> addresses;
  std::size_t devices = 0;
  for (const Value server : list) {
    if (findings.full()) break;
    const Value ip = server.find("server_ip");
    if (ip && !addresses.emplace(ip.text(), server.find("mgmt_port").text()).second) {
      findings.add(kMindIE, ip,
                   "server_ip " + shown(ip) +
                       " should occur once in its group (or with another mgmt_port): use the pods' own addresses");
    }
    devices += check_mindie_server(server, single ? 0 : devices, unique, findings);
  }
}

void check_hosts_group(Value group, std::int64_t id, Findings& findings) {
  const Value list = check_group(group, std::to_string(id), findings);
  check_hosts(list, /*addresses_only=*/true, findings);
  if (id == 0 && list.size() > kMostCoordinators) {
    findings.add(kMindIE, list, "there should be at most 2 coordinators");
  }
}

void check_global(Value document, Findings& findings) {
  check_constant(document, "version", "1.0", kLayout, findings);
  const Value groups = document.find("server_group_list");
  if (!groups.is_list()) {
    findings.add(kLayout, document, "server_group_list", "\"server_group_list\" should be a list of groups");
    return;
  }
  if (groups.size() < 2 || groups.size() > kMostGroups) {
    findings.add(kMindIE, groups, "there should be 2 to 98 groups");
  }
  // Its programs look groups up by id, so their order is free (a start script of several servers wants 2, 1, 0).
  std::set<std::int64_t> seen;
  std::size_t server_groups = 0;
  for (const Value group : groups) server_groups += plain_number(group.find("group_id").text()).value_or(0) > 1 ? 1 : 0;
  UniqueDevices unique;
  for (const Value group : groups) {
    if (findings.full()) break;
    const std::optional<std::int64_t> id = check_number(group, "group_id", findings);
    if (!id) {
      if (!group.is_object()) findings.add(kLayout, group, "a group should be an object");
      continue;
    }
    if (!seen.insert(*id).second) findings.add(kLayout, group, "group " + std::to_string(*id) + " is there twice");
    if (*id >= static_cast<std::int64_t>(kFirstServerGroup + server_groups)) {
      findings.add(kLayout, group, "group_id", "the groups of servers should have the ids \"2\", \"3\" and so on");
    }
    if (group.find("deploy_server")) check_text(group, "deploy_server", findings);
    if (*id < static_cast<std::int64_t>(kFirstServerGroup)) {
      check_hosts_group(group, *id, findings);
      continue;
    }
    const Value list = check_group(group, std::to_string(*id), findings);
    const bool single = server_groups == 1 && !group.find("deploy_server");
    if (list) check_servers(list, single, unique, findings);
  }
  if (seen.count(0) == 0) findings.add(kLayout, groups, "group \"0\", the coordinator's, is missing");
  if (server_groups == 0) findings.add(kNotEmpty, groups, "there should be a group of servers, \"2\"");
  unique.report(findings);
}

void check_local(Value document, Findings& findings) { check_hccl(document, "1.0", findings); }

Status read_server_group(Value group, bool single, Membership& membership) {
  const Value list = group.find("server_list");
  Result<std::vector<Instance>> instances = std::vector<Instance>();
  if (single) {
    instances = read_each(list);
  } else {
    Result<std::vector<Server>> servers = read_servers(list);
    if (!servers) return servers.error();
    instances->push_back({{}, std::move(*servers)});
  }
  if (!instances) return instances.error();
  for (Instance& instance : *instances) {
    for (Server& server : instance.servers) {
      if (server.id != server.ip) server.host_ip = server.id;
    }
    membership.unassigned.push_back(std::move(instance));
  }
  return Ok{};
}

Result<Membership> read_global(Value document) {
  const Value groups = document.find("server_group_list");
  if (!groups.is_list()) return unreadable(document, "\"server_group_list\" should be a list of groups");
  Membership membership;
  std::size_t server_groups = 0;
  for (const Value group : groups) server_groups += plain_number(group.find("group_id").text()).value_or(0) > 1 ? 1 : 0;
  std::set<std::int64_t> seen;
  for (const Value group : groups) {
    const std::optional<std::int64_t> id = plain_number(group.find("group_id").text());
    if (!id || !seen.insert(*id).second) return unreadable(group, "group_id should be a number, in one group only");
    if (*id >= static_cast<std::int64_t>(kFirstServerGroup)) {
      const Status read = read_server_group(group, server_groups == 1 && !group.find("deploy_server"), membership);
      if (!read) return read.error();
      continue;
    }
    Result<std::vector<Server>> servers = read_servers(group.find("server_list"));
    if (!servers) return servers.error();
    (*id == 0 ? membership.schedulers : membership.controllers) = std::move(*servers);
  }
  name_instances(membership);
  return membership;
}

}  // namespace

const Profile kMindIEMotor{
    .name = "MindIE",
    .summary = "MindIE-Motor: coordinator, controller and servers; HCCL tables for the instances",
    .rules = {kStrings, kCounts, kLayout, kNotEmpty, kRanks, kDeviceIds, kDeviceIps, kMirror, kServerAddresses,
              kServerIds, kMindIE, kSize, kStatus},
    .render = render,
    .check_global = check_global,
    .check_local = check_local,
    .check_host = nullptr,
    .read_global = read_global,
    .read_local = read_hccl,
};

}  // namespace pd::ranktable
