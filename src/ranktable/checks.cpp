#include "ranktable/checks.h"

#include <algorithm>
#include <charconv>

#include "ranktable/address_key.h"

namespace pd::ranktable {
namespace {

constexpr std::size_t kServerIdLength = 64;
constexpr int kHighestDeviceId = 15;

bool is_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<int> small_number(std::string_view text) {
  if (!is_number(text) || text.size() > 9) return std::nullopt;
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What base calls a peer's address, and besides spelled as one: no byte after it, no IPv4 address in IPv6 clothes.
bool is_plain_peer_address(std::string_view text) {
  const std::optional<AddressFamily> family = address_family(text);
  const std::size_t bytes = address_key(text).size();
  return is_peer_address(text) && bytes == (family == AddressFamily::kIPv4 ? 4 : 16);
}

// Rule 6: the id is in range and its server has it once.
void check_device_id(const Json& device, const Place& place, const std::string& server, UniqueDevices& unique,
                     Findings& findings) {
  const std::optional<int> id = check_number(device, place, "device_id", findings);
  if (!id) return;
  const Place id_place(place, "device_id");
  if (*id > kHighestDeviceId) {
    findings.add(6, id_place,
                 "device_id " + std::to_string(*id) + " should be at most " + std::to_string(kHighestDeviceId));
  }
  if (!unique.ids.emplace(server, *id).second) {
    findings.add(
        6, id_place,
        "device_id " + std::to_string(*id) + " occurs twice on this server; a device serves one instance only");
  }
}

// Rule 7: the address can name a peer, is of the file's one family, and occurs once.
void check_device_ip(const Json& device, const Place& place, UniqueDevices& unique, Findings& findings) {
  const std::string* ip = check_string(device, place, "device_ip", findings);
  if (ip == nullptr) return;
  const Place ip_place(place, "device_ip");
  if (!is_plain_peer_address(*ip)) {
    return findings.add(7, ip_place,
                        "device_ip " + shown(*ip) + " should be the NPU's own address, as hccn_tool -ip -g tells it");
  }
  const std::optional<AddressFamily> family = address_family(*ip);
  if (!unique.family) unique.family = family;
  if (family != unique.family) {
    findings.add(7, ip_place,
                 "device_ip " + shown(*ip) + " is of another address family than the first one; use one family");
  }
  if (!unique.ips.insert(address_key(*ip)).second) {
    findings.add(7, ip_place, "device_ip " + shown(*ip) + " occurs twice; each NPU has its own address");
  }
}

// Rule 5: ranks count up in list order.
void check_rank(const Json& device, const Place& place, std::size_t wanted, Findings& findings) {
  if (!check_number(device, place, "rank_id", findings)) return;
  const std::string expected = std::to_string(wanted);
  const std::string& rank = device.find("rank_id")->get_ref<const std::string&>();
  if (rank == expected) return;
  findings.add(5, Place(place, "rank_id"),
               "rank_id is " + shown(rank) + " and should be \"" + expected +
                   "\": ranks count up from 0 in each instance, in list order");
}

}  // namespace

void check_scalars_are_strings(const Json& value, const Place& place, Findings& findings) {
  if (value.is_string()) return;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) check_scalars_are_strings(member, Place(place, key), findings);
    return;
  }
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) check_scalars_are_strings(value[i], Place(place, i), findings);
    return;
  }
  findings.add(1, place, "the value " + shown(value) + " should be a string");
}

const std::string* check_string(const Json& object, const Place& place, std::string_view key, Findings& findings) {
  if (!object.is_object()) return nullptr;
  const auto member = object.find(key);
  if (member == object.end()) {
    findings.add(1, place, "\"" + std::string(key) + "\" is missing; it should be a string");
    return nullptr;
  }
  if (member->is_object() || member->is_array()) {
    findings.add(1, Place(place, key), "the value is " + shown(*member) + " and should be a string");
  }
  return member->is_string() ? &member->get_ref<const std::string&>() : nullptr;
}

void check_constant(const Json& object, const Place& place, std::string_view key, std::string_view wanted, int rule,
                    Findings& findings) {
  const std::string* text = check_string(object, place, key, findings);
  if (text == nullptr || *text == wanted) return;
  findings.add(rule, Place(place, key),
               std::string(key) + " is " + shown(*text) + " and should be \"" + std::string(wanted) + "\"");
}

std::optional<int> check_number(const Json& object, const Place& place, std::string_view key, Findings& findings) {
  const std::string* text = check_string(object, place, key, findings);
  if (text == nullptr) return std::nullopt;
  const std::optional<int> number = small_number(*text);
  if (!number) {
    findings.add(1, Place(place, key),
                 std::string(key) + " is " + shown(*text) + " and should be a number: digits only, no leading zeros");
  }
  return number;
}

const Json* check_server_list(const Json& object, const Place& place, Findings& findings) {
  const auto list = object.find("server_list");
  if (list == object.end() || !list->is_array()) {
    findings.add(2, place, "\"server_list\" should be a list of servers");
    return nullptr;
  }
  const std::optional<int> count = check_number(object, place, "server_count", findings);
  if (count && static_cast<std::size_t>(*count) != list->size()) {
    findings.add(2, Place(place, "server_count"),
                 "server_count is " + std::to_string(*count) + " and server_list has " + std::to_string(list->size()) +
                     " entries; they should agree");
  }
  return &*list;
}

void check_group_order(const Json& groups, const Place& place, Findings& findings) {
  std::optional<int> previous;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!groups[i].is_object() || !groups[i].contains("group_id") || !groups[i]["group_id"].is_string()) continue;
    const std::optional<int> id = small_number(groups[i]["group_id"].get_ref<const std::string&>());
    if (!id) continue;
    if (previous && *id <= *previous) {
      findings.add(11, Place(Place(place, i), "group_id"),
                   "group " + std::to_string(*id) + " comes after group " + std::to_string(*previous) +
                       "; groups should stand in the order of their ids, each once");
    }
    previous = id;
  }
}

void check_server_address(const Json& server, const Place& place, Findings& findings) {
  if (!server.is_object()) return findings.add(2, place, "a server should be an object");
  const std::string* ip = check_string(server, place, "server_ip", findings);
  if (ip != nullptr && !is_plain_peer_address(*ip)) {
    findings.add(10, Place(place, "server_ip"),
                 "server_ip " + shown(*ip) + " should be an address at which peers reach the server");
  }
  const std::string* id = check_string(server, place, "server_id", findings);
  if (id != nullptr && (id->empty() || id->size() > kServerIdLength || !is_printable(*id))) {
    findings.add(
        12, Place(place, "server_id"),
        "server_id " + shown(*id) + " should be 1 to " + std::to_string(kServerIdLength) + " printable characters");
  }
}

std::size_t check_devices(const Json& server, const Place& place, std::size_t first_rank, UniqueDevices& unique,
                          Findings& findings) {
  if (!server.is_object()) return 0;
  const auto devices = server.find("device");
  if (devices == server.end() || !devices->is_array() || devices->empty()) {
    findings.add(4, place, "\"device\" should be a list of at least one NPU");
    return 0;
  }
  std::string server_key;
  if (const auto ip = server.find("server_ip"); ip != server.end() && ip->is_string()) {
    server_key = address_key(ip->get_ref<const std::string&>());
  }
  const Place list_place(place, "device");
  for (std::size_t i = 0; i < devices->size(); ++i) {
    const Json& device = (*devices)[i];
    const Place device_place(list_place, i);
    if (!device.is_object()) {
      findings.add(1, device_place, "a device should be an object");
      continue;
    }
    check_device_id(device, device_place, server_key, unique, findings);
    check_device_ip(device, device_place, unique, findings);
    check_rank(device, device_place, first_rank + i, findings);
    if (device.contains("device_port")) check_number(device, device_place, "device_port", findings);
  }
  return devices->size();
}

}  // namespace pd::ranktable
