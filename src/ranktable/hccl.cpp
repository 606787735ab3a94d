#include "ranktable/hccl.h"

#include <algorithm>
#include <map>
#include <set>

#include "ranktable/layouts.h"

namespace pd::ranktable {
namespace {

// In the order in which they occur.
std::vector<std::pair<std::string, Servers>> super_pods_of(const Instance& instance) {
  std::vector<std::pair<std::string, Servers>> pods;
  std::map<std::string_view, std::size_t> places;
  for (const Server& server : instance.servers) {
    const auto [place, is_new] = places.emplace(server.super_pod_id, pods.size());
    if (is_new) pods.emplace_back(server.super_pod_id, Servers());
    pods[place->second].second.push_back(&server);
  }
  return pods;
}

void write_super_pods(Writer& writer, const Instance& instance) {
  writer.key("super_pod_list");
  writer.begin_list();
  for (const auto& [id, servers] : super_pods_of(instance)) {
    writer.begin_object();
    writer.member("super_pod_id", id);
    writer.key("server_list");
    writer.begin_list();
    for (const Server* server : servers) {
      writer.begin_object();
      writer.member("server_id", server->id);
      writer.end_object();
    }
    writer.end_list();
    writer.end_object();
  }
  writer.end_list();
}

Status check_super_pods_known(const Instance& instance) {
  for (const Server& server : instance.servers) {
    if (server.super_pod_id.empty()) {
      return invalid("Hccl12 needs each server's super_pod_id, and that of " + server.id + " is not known: use Hccl10");
    }
    for (const Device& device : server.devices) {
      if (device.super_device_id) continue;
      return invalid("Hccl12 needs each device's super_device_id, and that of device " + std::to_string(device.id) +
                     " of " + server.id + " is not known: use Hccl10");
    }
  }
  return Ok{};
}

}  // namespace

Result<std::string> hccl_table(const Instance& instance, bool super_pods) {
  if (super_pods) {
    const Status known = check_super_pods_known(instance);
    if (!known) return known.error();
  }
  Writer writer;
  writer.begin_object();
  writer.member("version", super_pods ? "1.2" : "1.0");
  writer.member("server_count", instance.servers.size());
  writer.key("server_list");
  writer.begin_list();
  std::size_t rank = 0;
  for (const Server& server : instance.servers) {
    writer.begin_object();
    writer.member("server_id", server.id);
    write_devices(writer, server, rank, super_pods);
    writer.end_object();
  }
  writer.end_list();
  if (super_pods) write_super_pods(writer, instance);
  writer.member("status", "completed");
  writer.end_object();
  return writer.take();
}

std::string ascend_operator_table(const Instance& instance) {
  Writer writer;
  writer.begin_object();
  writer.member("status", "completed");
  writer.key("server_list");
  writer.begin_list();
  std::size_t rank = 0;
  for (const Server& server : instance.servers) {
    writer.begin_object();
    write_devices(writer, server, rank, /*super_device_ids=*/false);
    writer.member("server_id", server.id);
    writer.member("host_ip", server.host_ip.empty() ? server.id : server.host_ip);
    writer.member("container_ip", server.ip);
    writer.end_object();
  }
  writer.end_list();
  writer.member("server_count", instance.servers.size());
  writer.member("version", "1.0");
  writer.end_object();
  return writer.take();
}

namespace {

void check_servers(Value list, Findings& findings) {
  UniqueDevices unique;
  std::set<std::string_view> ids;
  std::size_t rank = 0;
  for (const Value server : list) {
    if (findings.full()) break;
    if (!server.is_object()) {
      findings.add(kCounts, server, "a server should be an object");
      continue;
    }
    check_server_id(server, findings);
    const Value id = server.find("server_id");
    if (!ids.insert(id.text()).second) {
      findings.add(kServerIds, id, "server_id " + shown(id) + " occurs twice; HCCL wants one entry for each server");
    }
    for (const Value device : check_device_list(server, "device", findings)) {
      // Within one server HCCL can do without the NPUs' addresses.
      if (list.size() > 1 || device.find("device_ip")) check_device_ip(device, unique, findings);
      check_device_id(device, id.text(), unique, findings);
      check_rank(device, "rank_id", rank++, findings);
    }
  }
  unique.report(findings);
}

// The super pod of each server, by server_id.
std::map<std::string_view, Value> check_super_pod_list(Value document, Findings& findings) {
  std::map<std::string_view, Value> pods;
  const Value list = document.find("super_pod_list");
  if (!list.is_list() || list.size() == 0) {
    findings.add(kSuperPods, document, "\"super_pod_list\" should be a list of at least one super pod");
    return pods;
  }
  std::optional<std::size_t> size;
  std::set<std::string_view> ids;
  for (const Value pod : list) {
    if (findings.full()) break;
    const Value pod_id = check_text(pod, "super_pod_id", findings);
    if (pod_id && !ids.insert(pod_id.text()).second) {
      findings.add(kSuperPods, pod_id, "super_pod_id " + shown(pod_id) + " should occur once");
    }
    const Value servers = pod.find("server_list");
    if (!size) size = servers.size();
    if (servers.size() == 0 || servers.size() != *size) {
      findings.add(kSuperPods, pod, "each super pod should have the same number of servers, at least one");
    }
    for (const Value server : servers) {
      const Value id = check_text(server, "server_id", findings);
      if (id && !pods.emplace(id.text(), pod).second) {
        findings.add(kSuperPods, id, "server " + shown(id) + " should be in one super pod only");
      }
    }
  }
  return pods;
}

void check_super_pods(Value document, Findings& findings) {
  const std::map<std::string_view, Value> pods = check_super_pod_list(document, findings);
  std::set<std::pair<std::string_view, std::int64_t>> ids;  // of a device in a super pod
  std::set<std::string_view> begun;                         // super pods, as the servers have them
  std::string_view last;
  if (pods.size() > document.find("server_list").size()) {
    findings.add(kSuperPods, document, "super_pod_list", "the super pods list servers that \"server_list\" does not");
  }
  for (const Value server : document.find("server_list")) {
    if (findings.full()) break;
    const Value id = server.find("server_id");
    const auto pod = pods.find(id.text());
    if (pod == pods.end()) {
      findings.add(kSuperPods, server, "this server is in no super pod of \"super_pod_list\"");
      continue;
    }
    const Value pod_id = pod->second.find("super_pod_id");
    if (begun.empty() || last != pod_id.text()) {
      if (!begun.insert(pod_id.text()).second) {
        findings.add(kSuperPods, server, "the servers of a super pod should stand together");
      }
      last = pod_id.text();
    }
    for (const Value device : server.find("device")) {
      const Value member = device.find("super_device_id");
      const std::optional<std::int64_t> number = member.is_text() ? plain_number(member.text()) : std::nullopt;
      if (!number) {
        findings.add(kSuperPods, device, "super_device_id", "super_device_id should be the device's SDID, a number");
      } else if (!ids.emplace(pod_id.text(), *number).second) {
        findings.add(kSuperPods, member, "super_device_id " + shown(member) + " occurs twice in its super pod");
      }
    }
  }
}

}  // namespace

void check_hccl(Value document, std::string_view version, Findings& findings) {
  check_constant(document, "version", version, kLayout, findings);
  const Value list = check_counted_list(document, "server_list", "server_count", Count::kOptional, findings);
  if (!list) return;
  if (list.size() == 0) findings.add(kNotEmpty, list, "there should be at least one server");
  check_servers(list, findings);
  if (version == "1.2") check_super_pods(document, findings);
}

Result<Instance> read_hccl(Value document) {
  Result<std::vector<Server>> servers = read_servers(document.find("server_list"));
  if (!servers) return servers.error();
  Instance instance{{}, std::move(*servers)};
  std::size_t index = 0;
  for (const Value json : document.find("server_list")) {
    Server& server = instance.servers[index++];
    for (const auto& [key, address] : {std::pair("container_ip", &server.ip), {"host_ip", &server.host_ip}}) {
      if (!json.find(key).is_text()) continue;
      Result<std::string> ip = read_text(json, key);
      if (!ip) return ip.error();
      *address = std::move(*ip);
    }
  }
  std::map<std::string_view, std::string_view> super_pods;
  for (const Value pod : document.find("super_pod_list")) {
    for (const Value member : pod.find("server_list")) {
      super_pods[member.find("server_id").text()] = pod.find("super_pod_id").text();
    }
  }
  for (Server& server : instance.servers) {
    if (const auto pod = super_pods.find(server.id); pod != super_pods.end()) server.super_pod_id = pod->second;
  }
  return instance;
}

namespace {

Result<Documents> render(const Membership& membership, bool super_pods) {
  Documents documents;
  for (const auto* role : {&membership.prefill, &membership.decode, &membership.unassigned}) {
    for (const Instance& instance : *role) {
      Result<std::string> table = hccl_table(instance, super_pods);
      if (!table) return table.error();
      documents.locals[instance.name] = std::move(*table);
    }
  }
  return documents;
}

}  // namespace

const Profile kHccl10{
    .name = "Hccl10",
    .summary = "HCCL, version 1.0: one table for each instance",
    .rules = {kStrings, kCounts, kLayout, kNotEmpty, kRanks, kDeviceIds, kDeviceIps, kServerIds, kSize, kStatus},
    .render = [](const Membership& membership) { return render(membership, false); },
    .check_local = [](Value document, Findings& findings) { check_hccl(document, "1.0", findings); },
    .read_local = read_hccl,
};

const Profile kHccl12{
    .name = "Hccl12",
    .summary = "HCCL, version 1.2: the same with super pods (A3)",
    .rules = {kStrings, kCounts, kLayout, kNotEmpty, kRanks, kDeviceIds, kDeviceIps, kServerIds, kSuperPods, kSize,
              kStatus},
    .render = [](const Membership& membership) { return render(membership, true); },
    .check_local = [](Value document, Findings& findings) { check_hccl(document, "1.2", findings); },
    .read_local = read_hccl,
};

}  // namespace pd::ranktable
