#include "ranktable/groups.h"

#include <set>

#include "ranktable/address_key.h"

namespace pd::ranktable {

Servers servers_of(const std::vector<Server>& servers) {
  Servers list;
  list.reserve(servers.size());
  for (const Server& server : servers) list.push_back(&server);
  return list;
}

Servers servers_of(const Instance& instance) { return servers_of(instance.servers); }

void write_devices(Writer& writer, const Server& server, std::size_t& rank, bool super_device_ids) {
  writer.key("device");
  writer.begin_list();
  for (const Device& device : server.devices) {
    writer.begin_object();
    writer.member("device_id", static_cast<std::size_t>(device.id));
    writer.member("device_ip", device.ip);
    writer.member("rank_id", rank++);
    if (super_device_ids && device.super_device_id) {
      writer.member("super_device_id", std::size_t{*device.super_device_id});
    }
    for (const Member& member : device.more) writer.member(member.key, member.value);
    writer.end_object();
  }
  writer.end_list();
}

void write_server(Writer& writer, const Server& server, std::size_t& rank) {
  writer.begin_object();
  writer.member("server_id", server.id);
  writer.member("server_ip", server.ip);
  if (!server.devices.empty()) write_devices(writer, server, rank, /*super_device_ids=*/true);
  writer.end_object();
}

void write_group_members(Writer& writer, std::string_view group_id, const Servers& servers) {
  writer.member("group_id", group_id);
  writer.member("server_count", servers.size());
  writer.key("server_list");
  writer.begin_list();
  std::size_t rank = 0;
  for (const Server* server : servers) write_server(writer, *server, rank);
  writer.end_list();
}

void write_group(Writer& writer, std::string_view group_id, const Servers& servers) {
  writer.begin_object();
  write_group_members(writer, group_id, servers);
  writer.end_object();
}

void begin_global(Writer& writer, std::size_t devices) {
  constexpr std::size_t kBytesOfADevice = 80;  // with its share of the server; a guess saves copies
  writer.reserve(devices * kBytesOfADevice + 256);
  writer.begin_object();
  writer.member("version", "1.0");
  writer.member("status", "completed");
  writer.key("server_group_list");
  writer.begin_list();
}

std::string end_global(Writer& writer) {
  writer.end_list();
  writer.end_object();
  return writer.take();
}

std::string local_table(const Servers& servers) {
  Writer writer;
  writer.begin_object();
  writer.member("version", "1.0");
  writer.member("status", "completed");
  write_group_members(writer, "0", servers);
  writer.end_object();
  return writer.take();
}

void add_locals(Documents& documents, const Membership& membership) {
  for (const auto* role : {&membership.prefill, &membership.decode, &membership.unassigned}) {
    for (const Instance& instance : *role) documents.locals[instance.name] = local_table(servers_of(instance));
  }
  if (!membership.schedulers.empty()) documents.host = local_table(servers_of(membership.schedulers));
}

std::size_t count_devices(const Membership& membership) {
  std::size_t count = 0;
  for (const auto* role : {&membership.prefill, &membership.decode, &membership.unassigned}) {
    for (const Instance& instance : *role) {
      for (const Server& server : instance.servers) count += server.devices.size();
    }
  }
  return count;
}

Value check_group_list(Value document, Findings& findings) {
  check_constant(document, "version", "1.0", kLayout, findings);
  const Value groups = document.find("server_group_list");
  if (!groups.is_list()) {
    findings.add(kLayout, document, "server_group_list", "\"server_group_list\" should be a list of groups");
    return {};
  }
  std::optional<std::int64_t> previous;
  for (const Value group : groups) {
    if (findings.full()) break;
    const Value member = group.find("group_id");
    const std::optional<std::int64_t> id = member.is_text() ? plain_number(member.text()) : std::nullopt;
    if (!id) continue;
    if (previous && *id <= *previous) {
      findings.add(kGroupOrder, member,
                   "group " + std::to_string(*id) + " comes after group " + std::to_string(*previous) +
                       "; groups should stand in the order of their ids, each once");
    }
    previous = id;
  }
  return groups;
}

Value check_group(Value group, std::string_view group_id, Findings& findings) {
  if (!group.is_object()) {
    findings.add(kLayout, group, "a group should be an object");
    return {};
  }
  check_constant(group, "group_id", group_id, kLayout, findings);
  return check_counted_list(group, "server_list", "server_count", Count::kNeeded, findings);
}

void check_hosts(Value list, bool addresses_only, Findings& findings) {
  for (const Value server : list) {
    if (findings.full()) break;
    if (!server.is_object()) {
      findings.add(kCounts, server, "a server should be an object");
      continue;
    }
    check_server_ip(server, findings);
    if (!addresses_only) check_server_id(server, findings);
    if (const Value devices = server.find("device")) {
      findings.add(kLayout, devices, "this server has no NPUs, so \"device\" should not be there");
    }
  }
}

void check_scheduler(Value list, Findings& findings) {
  if (list.size() != 1) {
    findings.add(
        kLayout, list,
        "there are " + std::to_string(list.size()) + " servers for the scheduler; there should be exactly one");
  }
  check_hosts(list, /*addresses_only=*/false, findings);
}

std::size_t check_server(Value server, std::size_t rank, UniqueDevices& unique, Findings& findings) {
  if (!server.is_object()) {
    findings.add(kCounts, server, "a server should be an object");
    return 0;
  }
  check_server_ip(server, findings);
  check_server_id(server, findings);
  const Value devices = check_device_list(server, "device", findings);
  const std::string key = address_key(server.find("server_ip").text());
  for (const Value device : devices) {
    check_device(device, key, unique, findings);
    check_rank(device, "rank_id", rank++, findings);
  }
  return devices.size();
}

std::size_t check_instance(Value server_list, UniqueDevices& unique, Findings& findings) {
  std::size_t devices = 0;
  std::set<std::string> addresses;
  for (const Value server : server_list) {
    if (findings.full()) break;
    devices += check_server(server, devices, unique, findings);
    const Value ip = server.find("server_ip");
    const std::string key = address_key(ip.text());
    if (!key.empty() && !addresses.insert(key).second) {
      findings.add(kServerAddresses, ip,
                   "server_ip " + shown(ip) + " occurs twice in this instance; each server has its own");
    }
  }
  return devices;
}

void check_local_instance(Value document, Findings& findings) {
  check_constant(document, "version", "1.0", kLayout, findings);
  const Value list = check_group(document, "0", findings);
  if (list.is_list() && list.size() == 0) {
    findings.add(kNotEmpty, list, "a local table should list its own instance's servers, at least one");
  }
  UniqueDevices unique;
  check_instance(list, unique, findings);
  unique.report(findings);
}

void check_local_host(Value document, Findings& findings) {
  check_constant(document, "version", "1.0", kLayout, findings);
  const Value list = check_group(document, "0", findings);
  if (!list) return;
  check_scheduler(list, findings);
}

bool has_devices(Value server_list) {
  for (const Value server : server_list) {
    if (server.find("device")) return true;
  }
  return false;
}

Error unreadable(Value place, const std::string& problem) {
  const std::string pointer = place.pointer();
  return invalid((pointer.empty() ? "/" : pointer) + ": " + problem);
}

namespace {

// What layouts write themselves: taken along, another one would write it twice.
bool is_of_a_layout(std::string_view key) {
  return key == "device_logical_id" || key == "server_id" || key == "super_pod_id" || key == "cluster_id";
}

}  // namespace

Result<std::string> read_text(Value object, std::string_view key) {
  const Value member = object.find(key);
  if (!member.is_scalar() || member.kind() == Kind::kNull) {
    return unreadable(object, "\"" + std::string(key) + "\" should be a string");
  }
  if (!is_printable(member.text())) return unreadable(member, shown(member) + " should be printable characters");
  return std::string(member.text());
}

Result<Device> read_device(Value json, std::size_t rank) {
  if (!json.is_object()) return unreadable(json, "a device should be an object");
  Device device;
  bool has_id = false;
  for (const Value member : json) {
    const std::string_view key = member.key();
    if (!member.is_scalar() || member.kind() == Kind::kNull) {
      return unreadable(member, "a device's members should be strings");
    }
    const std::optional<std::int64_t> number = plain_number(member.text());
    if (key == "device_id") {
      if (!number || *number > 2048) return unreadable(member, "a device id should be a number from 0 to 2048");
      device.id = static_cast<int>(*number);
      has_id = true;
    } else if (key == "device_ip") {
      Result<std::string> ip = read_text(json, key);
      if (!ip) return ip.error();
      device.ip = std::move(*ip);
    } else if (key == "rank_id") {
      if (!number || static_cast<std::size_t>(*number) != rank) {
        return unreadable(member, "the rank is " + shown(member) + " and should be \"" + std::to_string(rank) +
                                      "\": ranks should stand in list order");
      }
    } else if (key == "super_device_id") {
      if (!number || *number > std::int64_t{0xffffffff}) {
        return unreadable(member, "a super_device_id should be a number below 2^32");
      }
      device.super_device_id = static_cast<std::uint32_t>(*number);
    } else if (!is_of_a_layout(key)) {
      device.more.push_back({std::string(key), std::string(member.text())});
    }
  }
  if (!has_id) return unreadable(json, "\"device_id\" is missing");
  return device;
}

Result<Server> read_server(Value json, std::size_t& rank) {
  if (!json.is_object()) return unreadable(json, "a server should be an object");
  Server server;
  Result<std::string> ip = read_text(json, json.find("server_ip") ? "server_ip" : "server_id");
  if (!ip) return ip.error();
  server.ip = std::move(*ip);
  Result<std::string> id = json.find("server_id") ? read_text(json, "server_id") : server.ip;
  if (!id) return id.error();
  server.id = std::move(*id);
  const Value devices = json.find("device");
  if (devices && !devices.is_list()) return unreadable(devices, "\"device\" should be a list");
  server.devices.reserve(devices.size());
  for (const Value device : devices) {
    Result<Device> read = read_device(device, rank);
    if (!read) return read.error();
    server.devices.push_back(std::move(*read));
    ++rank;
  }
  return server;
}

Result<std::vector<Server>> read_servers(Value list) {
  if (!list.is_list()) return unreadable(list, "there should be a list of servers");
  std::vector<Server> servers;
  std::size_t rank = 0;
  for (const Value json : list) {
    Result<Server> server = read_server(json, rank);
    if (!server) return server.error();
    servers.push_back(std::move(*server));
  }
  return servers;
}

Result<std::vector<Instance>> read_each(Value list) {
  if (!list.is_list()) return unreadable(list, "there should be a list of servers");
  std::vector<Instance> instances;
  for (const Value json : list) {
    std::size_t rank = 0;
    Result<Server> server = read_server(json, rank);
    if (!server) return server.error();
    instances.push_back({{}, {std::move(*server)}});
  }
  return instances;
}

Result<Instance> read_local_instance(Value document) {
  Result<std::vector<Server>> servers = read_servers(document.find("server_list"));
  if (!servers) return servers.error();
  return Instance{{}, std::move(*servers)};
}

}  // namespace pd::ranktable
