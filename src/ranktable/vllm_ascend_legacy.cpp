#include <map>
#include <set>

#include "ranktable/address_key.h"
#include "ranktable/groups.h"
#include "ranktable/layouts.h"

namespace pd::ranktable {
namespace {

constexpr std::string_view kPrefillList = "prefill_device_list";
constexpr std::string_view kDecodeList = "decode_device_list";

// Its consumer finds its own devices by the address that it has itself: server_id is the pod's address.
void write_devices(Writer& writer, std::string_view key, const std::vector<Instance>& role, std::size_t& cluster) {
  writer.key(key);
  writer.begin_list();
  for (const Instance& instance : role) {
    for (const Server& server : instance.servers) {
      for (const Device& device : server.devices) {
        writer.begin_object();
        writer.member("server_id", server.ip);
        writer.member("device_id", static_cast<std::size_t>(device.id));
        writer.member("device_ip", device.ip);
        if (!server.super_pod_id.empty()) writer.member("super_pod_id", server.super_pod_id);
        if (device.super_device_id) writer.member("super_device_id", std::size_t{*device.super_device_id});
        writer.member("cluster_id", ++cluster);
        for (const Member& member : device.more) writer.member(member.key, member.value);
        writer.end_object();
      }
    }
  }
  writer.end_list();
}

Result<Documents> render(const Membership& membership) {
  if (!membership.unassigned.empty()) {
    return invalid(
        "VllmAscendLegacy tells prefill from decode, and this table does not: say how many instances are "
        "prefill");
  }
  std::set<std::string_view> servers;
  for (const auto* role : {&membership.prefill, &membership.decode}) {
    for (const Instance& instance : *role) {
      for (const Server& server : instance.servers) {
        servers.insert(server.ip);
        if (!server.devices.empty()) continue;
        return invalid("VllmAscendLegacy lists nothing but devices, and " + instance.name + " has none on " +
                       server.ip);
      }
    }
  }
  Writer writer;
  writer.begin_object();
  writer.member("version", "1.2");
  writer.member("server_count", servers.size());
  std::size_t cluster = 0;
  write_devices(writer, kPrefillList, membership.prefill, cluster);
  write_devices(writer, kDecodeList, membership.decode, cluster);
  writer.member("status", "completed");
  writer.end_object();
  return Documents{.global = writer.take(), .locals = {}, .host = {}};
}

// Rule 14: all devices have both ids of a super pod or none has, each pair occurs once, and a server is in one super
// pod.
class SuperPods {
 public:
  void check(Value device, Findings& findings) {
    const Value pod = device.find("super_pod_id");
    const Value id = device.find("super_device_id");
    const bool has = pod || id;
    if (!expected_) expected_ = has;
    if (has != *expected_ || static_cast<bool>(pod) != static_cast<bool>(id)) {
      findings.add(kSuperPods, device,
                   "all devices should have both super_pod_id and super_device_id, or none of them");
      return;
    }
    if (!has) return;
    check_text(device, "super_pod_id", findings);
    const std::optional<std::int64_t> number = plain_number(id.text());
    if (!number) {
      findings.add(kSuperPods, id, "super_device_id " + shown(id) + " should be the device's SDID, a number");
    } else if (!seen_.emplace(pod.text(), *number).second) {
      findings.add(kSuperPods, id, "super_device_id " + shown(id) + " occurs twice in its super pod");
    }
    const auto [known, is_new] = pods_.emplace(device.find("server_id").text(), pod.text());
    if (!is_new && known->second != pod.text()) {
      findings.add(kSuperPods, pod, "super_pod_id " + shown(pod) + " should be that of the server's other devices");
    }
  }

 private:
  std::optional<bool> expected_;
  std::set<std::pair<std::string_view, std::int64_t>> seen_;
  std::map<std::string_view, std::string_view> pods_;  // of each server
};

void check_server(Value device, Findings& findings) {
  check_server_id(device, findings);
  if (const Value id = device.find("server_id"); id.is_text() && !is_peer_address(id.text())) {
    findings.add(kServerAddresses, id, "server_id " + shown(id) + " should be the address of the pod or node");
  }
}

void check_global(Value document, Findings& findings) {
  check_constant(document, "version", "1.2", kLayout, findings);
  UniqueDevices unique;
  SuperPods super_pods;
  std::set<std::string_view> servers;
  std::size_t cluster = 0;
  for (const std::string_view key : {kPrefillList, kDecodeList}) {
    const Value list = document.find(key);
    if (!list.is_list()) {
      findings.add(kLayout, document, key, "\"" + std::string(key) + "\" should be a list of devices");
      continue;
    }
    if (list.size() == 0) findings.add(kNotEmpty, list, "there should be at least one device");
    for (const Value device : list) {
      if (findings.full()) break;
      const Value id = device.find("server_id");
      servers.insert(id.text());
      check_server(device, findings);
      check_device(device, address_key(id.text()), unique, findings);
      check_rank(device, "cluster_id", ++cluster, findings);
      super_pods.check(device, findings);
    }
  }
  const std::optional<std::int64_t> count = check_number(document, "server_count", findings);
  if (count && static_cast<std::size_t>(*count) != servers.size()) {
    findings.add(kCounts, document.find("server_count"),
                 "server_count is " + std::to_string(*count) + " and the devices are on " +
                     std::to_string(servers.size()) + " servers; they should agree");
  }
  unique.report(findings);
}

// An instance's devices on one server stand together.
Result<std::vector<Instance>> read_role(Value list) {
  if (!list.is_list()) return unreadable(list, "there should be a list of devices");
  std::vector<Instance> role;
  for (const Value json : list) {
    std::size_t rank = 0;
    Result<Device> device = read_device(json, rank);
    if (!device) return device.error();
    const Result<std::string> server = read_text(json, "server_id");
    if (!server) return server.error();
    const std::string super_pod(json.find("super_pod_id").text());
    if (role.empty() || role.back().servers.front().ip != *server) {
      role.push_back({{}, {Server{.id = *server, .ip = *server, .super_pod_id = super_pod}}});
    }
    if (role.back().servers.front().super_pod_id != super_pod) {
      return unreadable(json, "super_pod_id should be that of the server's other devices");
    }
    role.back().servers.front().devices.push_back(std::move(*device));
  }
  return role;
}

Result<Membership> read_global(Value document) {
  Membership membership;
  Result<std::vector<Instance>> prefill = read_role(document.find(kPrefillList));
  if (!prefill) return prefill.error();
  Result<std::vector<Instance>> decode = read_role(document.find(kDecodeList));
  if (!decode) return decode.error();
  membership.prefill = std::move(*prefill);
  membership.decode = std::move(*decode);
  name_instances(membership);
  return membership;
}

}  // namespace

const Profile kVllmAscendLegacy{
    .name = "VllmAscendLegacy",
    .summary = "vllm-ascend until the end of 2025: a list of prefill and one of decode devices",
    .rules = {kStrings, kCounts, kLayout, kNotEmpty, kRanks, kDeviceIds, kDeviceIps, kServerAddresses, kServerIds,
              kSuperPods, kSize, kStatus},
    .render = render,
    .check_global = check_global,
    .check_local = nullptr,
    .check_host = nullptr,
    .read_global = read_global,
    .read_local = nullptr,
};

}  // namespace pd::ranktable
