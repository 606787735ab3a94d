#include "ranktable/groups.h"
#include "ranktable/layouts.h"

namespace pd::ranktable {
namespace {

std::string pod_name(const Instance& instance, std::size_t index) {
  const std::string& pod = instance.servers[index].pod;
  return pod.empty() ? instance.name + "-" + std::to_string(index) : pod;
}

std::string table(const Instance& instance) {
  std::size_t devices = 0;
  for (const Server& server : instance.servers) devices += server.devices.size();
  Writer writer;
  writer.begin_object();
  writer.member("status", "completed");
  writer.member("group_count", "1");
  writer.key("group_list");
  writer.begin_list();
  writer.begin_object();
  writer.member("group_name", "worker");
  writer.member("device_count", devices);
  writer.member("instance_count", instance.servers.size());
  writer.key("instance_list");
  writer.begin_list();
  for (std::size_t i = 0; i < instance.servers.size(); ++i) {
    const Server& server = instance.servers[i];
    writer.begin_object();
    writer.member("pod_name", pod_name(instance, i));
    writer.member("server_id", server.id);
    writer.key("devices");
    writer.begin_list();
    for (const Device& device : server.devices) {
      writer.begin_object();
      writer.member("device_id", static_cast<std::size_t>(device.id));
      writer.member("device_ip", device.ip);
      for (const Member& member : device.more) writer.member(member.key, member.value);
      writer.end_object();
    }
    writer.end_list();
    writer.end_object();
  }
  writer.end_list();
  writer.end_object();
  writer.end_list();
  writer.end_object();
  return writer.take();
}

Result<Documents> render(const Membership& membership) {
  Documents documents;
  for (const auto* role : {&membership.prefill, &membership.decode, &membership.unassigned}) {
    for (const Instance& instance : *role) documents.locals[instance.name] = table(instance);
  }
  return documents;
}

void check_group_of_pods(Value group, UniqueDevices& unique, Findings& findings) {
  const Value pods = check_counted_list(group, "instance_list", "instance_count", Count::kNeeded, findings);
  if (!pods) return;
  if (pods.size() == 0) findings.add(kNotEmpty, pods, "the group should list at least one pod");
  std::size_t devices = 0;
  for (const Value pod : pods) {
    if (findings.full()) break;
    check_text(pod, "pod_name", findings);
    check_server_id(pod, findings);
    for (const Value device : check_device_list(pod, "devices", findings)) {
      check_device(device, pod.find("server_id").text(), unique, findings);
      ++devices;
      if (const Value rank = device.find("rank_id")) {
        findings.add(kLayout, rank, "this form has no ranks, so \"rank_id\" should not be there");
      }
    }
  }
  if (group.find("group_name")) check_text(group, "group_name", findings);
  const std::optional<std::int64_t> count = check_number(group, "device_count", findings);
  if (count && static_cast<std::size_t>(*count) != devices) {
    findings.add(kCounts, group.find("device_count"),
                 "device_count is " + std::to_string(*count) + " and there are " + std::to_string(devices) +
                     " devices; they should agree");
  }
}

void check_local(Value document, Findings& findings) {
  if (const Value version = document.find("version")) {
    findings.add(kLayout, version, "this form is from before versions, so \"version\" should not be there");
  }
  const Value groups = check_counted_list(document, "group_list", "group_count", Count::kNeeded, findings);
  if (!groups) return;
  if (groups.size() == 0) findings.add(kNotEmpty, groups, "there should be at least one group");
  UniqueDevices unique;
  for (const Value group : groups) check_group_of_pods(group, unique, findings);
  unique.report(findings);
}

Result<Server> read_pod(Value json) {
  const Value devices = json.find("devices");
  if (!devices.is_list()) return unreadable(json, "a pod should have a list of \"devices\"");
  const Result<std::string> id = read_text(json, "server_id");
  if (!id) return id.error();
  Server server{.id = *id, .ip = *id};
  server.pod = json.find("pod_name").text();
  for (const Value device : devices) {
    std::size_t rank = 0;
    Result<Device> read = read_device(device, rank);
    if (!read) return read.error();
    server.devices.push_back(std::move(*read));
  }
  return server;
}

Result<Instance> read_local(Value document) {
  const Value groups = document.find("group_list");
  if (!groups.is_list()) return unreadable(document, "\"group_list\" should be a list of groups");
  Instance instance;
  for (const Value group : groups) {
    for (const Value pod : group.find("instance_list")) {
      Result<Server> server = read_pod(pod);
      if (!server) return server.error();
      instance.servers.push_back(std::move(*server));
    }
  }
  return instance;
}

}  // namespace

const Profile kGroupList{
    .name = "GroupList",
    .summary = "CCE's jobstart_hccl.json, from before versions: one table for each instance",
    .rules = {kStrings, kCounts, kLayout, kNotEmpty, kDeviceIds, kDeviceIps, kServerIds, kSize, kStatus},
    .render = render,
    .check_global = nullptr,
    .check_local = check_local,
    .check_host = nullptr,
    .read_global = nullptr,
    .read_local = read_local,
};

}  // namespace pd::ranktable
