#include "ranktable/ascendcloud.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ranktable/checks.h"

namespace pd::ranktable {
namespace {

OrderedJson server_entry(const Server& server, int& rank) {
  OrderedJson entry = {{"server_id", server.id}, {"server_ip", server.ip}};
  if (server.devices.empty()) return entry;
  OrderedJson& devices = entry["device"] = OrderedJson::array();
  for (const Device& device : server.devices) {
    devices.push_back(
        {{"device_id", std::to_string(device.id)}, {"device_ip", device.ip}, {"rank_id", std::to_string(rank++)}});
  }
  return entry;
}

OrderedJson server_list(const std::vector<Server>& servers) {
  OrderedJson list = OrderedJson::array();
  int rank = 0;
  for (const Server& server : servers) list.push_back(server_entry(server, rank));
  return list;
}

OrderedJson group(std::string_view id, OrderedJson list) {
  OrderedJson made = {{"group_id", id}, {"server_count", std::to_string(list.size())}};
  made["server_list"] = std::move(list);
  return made;
}

OrderedJson role_group(std::string_view id, const std::vector<Instance>& instances) {
  OrderedJson list = OrderedJson::array();
  for (const Instance& instance : instances) {
    for (OrderedJson& entry : server_list(instance.servers)) list.push_back(std::move(entry));
  }
  return group(id, std::move(list));
}

OrderedJson completed() { return {{"version", "1.0"}, {"status", "completed"}}; }

std::string local_document(const std::vector<Server>& servers) {
  OrderedJson document = completed();
  document.update(group("0", server_list(servers)));
  return dump_json(document);
}

Documents render(const Membership& membership) {
  OrderedJson global = completed();
  OrderedJson& groups = global["server_group_list"] = OrderedJson::array();
  groups.push_back(group("0", server_list({membership.scheduler})));
  groups.push_back(role_group("1", membership.prefill));
  groups.push_back(role_group("2", membership.decode));

  Documents documents{.global = dump_json(global), .locals = {}, .host = local_document({membership.scheduler})};
  for (const std::vector<Instance>* role : {&membership.prefill, &membership.decode}) {
    for (const Instance& instance : *role) documents.locals[instance.name] = local_document(instance.servers);
  }
  return documents;
}

constexpr std::size_t kGroups = 3;
constexpr std::string_view kGroupNames[kGroups] = {"scheduler", "prefill", "decode"};

// Rule 3: one server, which has no NPUs.
void check_scheduler_servers(const Json& list, const Place& place, Findings& findings) {
  if (list.size() != 1) {
    findings.add(3, place,
                 "the scheduler's group lists " + std::to_string(list.size()) + " servers; it should list exactly one");
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Place entry(place, i);
    check_server_address(list[i], entry, findings);
    if (list[i].is_object() && list[i].contains("device")) {
      findings.add(3, Place(entry, "device"), "the scheduler has no NPUs, so \"device\" should not be there");
    }
  }
}

// One entry is one instance: its ranks begin at 0, and all instances of a role are of one size.
void check_instances(const Json& list, const Place& place, UniqueDevices& unique, Findings& findings) {
  std::optional<std::size_t> size;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Place entry(place, i);
    check_server_address(list[i], entry, findings);
    const std::size_t devices = check_devices(list[i], entry, 0, unique, findings);
    if (devices == 0) continue;
    if (!size) size = devices;
    if (devices != *size) {
      findings.add(8, Place(entry, "device"),
                   "this instance has " + std::to_string(devices) + " devices and the role's first one " +
                       std::to_string(*size) + "; all instances of a role should have the same number");
    }
  }
}

void check_group(const Json& group, const Place& place, std::size_t index, UniqueDevices& unique, Findings& findings) {
  if (!group.is_object()) return findings.add(3, place, "a group should be an object");
  check_constant(group, place, "group_id", std::to_string(index), 3, findings);
  const Json* list = check_server_list(group, place, findings);
  if (list == nullptr) return;
  const Place list_place(place, "server_list");
  if (index == 0) return check_scheduler_servers(*list, list_place, findings);
  if (list->empty()) {
    findings.add(4, list_place, "the " + std::string(kGroupNames[index]) + " group should list at least one instance");
  }
  check_instances(*list, list_place, unique, findings);
}

void check_global(const Json& document, Findings& findings) {
  const Place root;
  const Place place(root, "server_group_list");
  const auto groups = document.find("server_group_list");
  if (groups == document.end() || !groups->is_array()) {
    return findings.add(3, place, "\"server_group_list\" should be a list of three groups");
  }
  check_group_order(*groups, place, findings);
  if (groups->size() != kGroups) {
    findings.add(3, place,
                 "there are " + std::to_string(groups->size()) +
                     " groups; there should be exactly three: \"0\" scheduler, \"1\" prefill, \"2\" decode");
  }
  UniqueDevices unique;
  for (std::size_t i = 0; i < std::min(groups->size(), kGroups); ++i) {
    check_group((*groups)[i], Place(place, i), i, unique, findings);
  }
}

// The part that the local tables of instances and of the scheduler share; the list when it has its one entry.
const Json* check_local_frame(const Json& document, Findings& findings) {
  const Place root;
  check_constant(document, root, "group_id", "0", 3, findings);
  const Json* list = check_server_list(document, root, findings);
  if (list == nullptr) return nullptr;
  if (list->size() == 1) return list;
  findings.add(3, Place(root, "server_list"),
               "the local table lists " + std::to_string(list->size()) +
                   " servers; it should list exactly one, its own instance's");
  return nullptr;
}

void check_local(const Json& document, Findings& findings) {
  const Json* list = check_local_frame(document, findings);
  UniqueDevices unique;
  const Place root;
  if (list != nullptr) check_instances(*list, Place(root, "server_list"), unique, findings);
}

void check_host(const Json& document, Findings& findings) {
  const Json* list = check_local_frame(document, findings);
  const Place root;
  if (list != nullptr) check_scheduler_servers(*list, Place(root, "server_list"), findings);
}

void check_mirror(const Json& global, const Json& local, Findings& findings) {
  const Place root;
  const Place place(root, "server_list");
  const auto list = local.find("server_list");
  const auto groups = global.find("server_group_list");
  if (list == local.end() || !list->is_array() || list->size() != 1 || groups == global.end() || !groups->is_array()) {
    return findings.add(9, place, "the local table has no single server entry to compare with the global table's");
  }
  for (const Json& group : *groups) {
    if (!group.is_object()) continue;
    const auto servers = group.find("server_list");
    if (servers == group.end() || !servers->is_array()) continue;
    if (std::find(servers->begin(), servers->end(), list->front()) != servers->end()) return;
  }
  findings.add(9, place,
               "no entry of the global table is the same as this local table's; they should mirror each other");
}

constexpr Profile kProfile{
    .name = "AscendCloud",
    .render = render,
    .check_global = check_global,
    .check_local = check_local,
    .check_host = check_host,
    .check_mirror = check_mirror,
};

}  // namespace

const Profile& ascendcloud() { return kProfile; }

}  // namespace pd::ranktable
