#include "ranktable/checks.h"

#include <algorithm>
#include <charconv>

#include "ranktable/address_key.h"

namespace pd::ranktable {
namespace {

constexpr std::size_t kServerIdLength = 64;

// What base calls a peer's address, and besides spelled as one: no byte after it, no IPv4 address in IPv6 clothes.
bool is_plain_peer_address(std::string_view text, const std::string& key) {
  return is_peer_address(text) && key.size() == (address_family(text) == AddressFamily::kIPv4 ? 4 : 16);
}

// Calls `report` for each entry that has one of its key before it. Sorts in place, first by key, then as they were
// added.
template <typename Entries, typename Report>
void for_repeated(Entries& entries, Report report) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.key != b.key ? a.key < b.key : a.place.is_before(b.place); });
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].key == entries[i - 1].key) report(entries[i].place);
  }
}

}  // namespace

std::optional<std::int64_t> plain_number(std::string_view text) {
  constexpr std::size_t kDigits = 10;
  if (text.empty() || text.size() > kDigits || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_digits = text.front() != '-' && error == std::errc() && end == text.data() + text.size();
  return is_digits ? std::optional<std::int64_t>(number) : std::nullopt;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void UniqueDevices::add_id(std::string_view server, std::int64_t id, Value place) {
  auto known = servers_.find(server);
  if (known == servers_.end()) {
    known = servers_.emplace(std::string(server), static_cast<std::uint32_t>(servers_.size())).first;
  }
  ids_.push_back({{known->second, static_cast<std::uint64_t>(id)}, place});
}

void UniqueDevices::add_ip(std::string_view key, Value place) {
  std::array<std::uint64_t, 2> bytes{};
  const std::string_view part = key.substr(0, sizeof(bytes));
  std::copy(part.begin(), part.end(), reinterpret_cast<char*>(bytes.data()));
  ips_.push_back({bytes, place});
}

void UniqueDevices::report(Findings& findings) {
  for_repeated(ids_, [&](Value place) {
    findings.add(
        kDeviceIds, place,
        "device_id " + std::string(place.text()) + " occurs twice on this server; a device serves one instance only");
  });
  for_repeated(ips_, [&](Value place) {
    findings.add(kDeviceIps, place, "device_ip " + shown(place) + " occurs twice; each NPU has its own address");
  });
}

void check_scalars(Value value, bool integer_counts, Findings& findings) {
  if (value.is_text() || findings.full()) return;
  if (value.is_object() || value.is_list()) {
    for (const Value member : value) {
      if (findings.full()) return;
      check_scalars(member, integer_counts, findings);
    }
    return;
  }
  if (integer_counts && value.key() == "server_count" && plain_number(value.text())) return;
  findings.add(kStrings, value, "the value " + shown(value) + " should be a string");
}

Value check_text(Value object, std::string_view key, Findings& findings) {
  if (!object.is_object()) return {};
  const Value member = object.find(key);
  if (!member) {
    findings.add(kStrings, object, "\"" + std::string(key) + "\" is missing; it should be a string");
  } else if (!member.is_scalar()) {
    findings.add(kStrings, member, "the value is " + shown(member) + " and should be a string");
  }
  return member.is_text() ? member : Value();
}

void check_constant(Value object, std::string_view key, std::string_view wanted, int rule, Findings& findings) {
  const Value member = check_text(object, key, findings);
  if (!member || member.text() == wanted) return;
  findings.add(rule, member,
               std::string(key) + " is " + shown(member) + " and should be \"" + std::string(wanted) + "\"");
}

std::optional<std::int64_t> check_number(Value object, std::string_view key, Findings& findings) {
  const Value member = check_text(object, key, findings);
  if (!member) return std::nullopt;
  const std::optional<std::int64_t> number = plain_number(member.text());
  if (!number) {
    findings.add(kStrings, member,
                 std::string(key) + " is " + shown(member) + " and should be a number: digits only, no leading zeros");
  }
  return number;
}

Value check_counted_list(Value object, std::string_view list_key, std::string_view count_key, Count count,
                         Findings& findings) {
  const Value list = object.find(list_key);
  if (!list.is_list()) {
    findings.add(kCounts, object, "\"" + std::string(list_key) + "\" should be a list");
    return {};
  }
  const Value member = object.find(count_key);
  if (!member && count == Count::kOptional) return list;
  // An integer is rule 1's affair, where that rule minds it; it has to be the right one all the same.
  const std::optional<std::int64_t> number =
      member.kind() == Kind::kNumber ? plain_number(member.text()) : check_number(object, count_key, findings);
  if (number && static_cast<std::size_t>(*number) != list.size()) {
    findings.add(kCounts, member,
                 std::string(count_key) + " is " + std::string(member.text()) + " and " + std::string(list_key) +
                     " has " + std::to_string(list.size()) + " entries; they should agree");
  }
  return list;
}

void check_server_ip(Value server, Findings& findings) {
  const Value ip = check_text(server, "server_ip", findings);
  if (!ip || is_plain_peer_address(ip.text(), address_key(ip.text()))) return;
  findings.add(kServerAddresses, ip,
               "server_ip " + shown(ip) + " should be an address at which peers reach the server");
}

void check_server_id(Value server, Findings& findings) {
  const Value id = check_text(server, "server_id", findings);
  if (!id) return;
  if (!id.text().empty() && id.text().size() <= kServerIdLength && is_printable(id.text())) return;
  findings.add(
      kServerIds, id,
      "server_id " + shown(id) + " should be 1 to " + std::to_string(kServerIdLength) + " printable characters");
}

Value check_device_list(Value server, std::string_view key, Findings& findings) {
  if (!server.is_object()) return {};
  const Value devices = server.find(key);
  if (devices.is_list() && devices.size() > 0) return devices;
  findings.add(kNotEmpty, server, "\"" + std::string(key) + "\" should be a list of at least one NPU");
  return {};
}

// Rule 6: the id is in range; that its server has it once is judged at the end.
void check_device_id(Value device, std::string_view server, UniqueDevices& unique, Findings& findings) {
  const std::optional<std::int64_t> id = check_number(device, "device_id", findings);
  if (!id) return;
  const Value place = device.find("device_id");
  if (*id > kHighestDeviceId) {
    findings.add(kDeviceIds, place,
                 "device_id " + std::to_string(*id) + " should be at most " + std::to_string(kHighestDeviceId));
  }
  unique.add_id(server, *id, place);
}

// Rule 7: the address can name a peer and is of the file's one family; that it occurs once is judged at the end.
void check_device_ip(Value device, UniqueDevices& unique, Findings& findings) {
  const Value ip = check_text(device, "device_ip", findings);
  if (!ip) return;
  const std::string key = address_key(ip.text());
  if (!is_plain_peer_address(ip.text(), key)) {
    findings.add(kDeviceIps, ip,
                 "device_ip " + shown(ip) + " should be the NPU's own address, as hccn_tool -ip -g tells it");
    return;
  }
  const std::optional<AddressFamily> family = address_family(ip.text());
  if (!unique.family) unique.family = family;
  if (family != unique.family) {
    findings.add(kDeviceIps, ip,
                 "device_ip " + shown(ip) + " is of another address family than the first one; use one family");
  }
  unique.add_ip(key, ip);
}

void check_device(Value device, std::string_view server, UniqueDevices& unique, Findings& findings) {
  if (!device.is_object()) {
    findings.add(kStrings, device, "a device should be an object");
    return;
  }
  check_device_id(device, server, unique, findings);
  check_device_ip(device, unique, findings);
  if (device.find("device_port")) check_number(device, "device_port", findings);
}

void check_rank(Value device, std::string_view key, std::size_t wanted, Findings& findings) {
  const std::optional<std::int64_t> rank = check_number(device, key, findings);
  if (!rank || static_cast<std::size_t>(*rank) == wanted) return;
  findings.add(kRanks, device.find(key),
               std::string(key) + " is \"" + std::to_string(*rank) + "\" and should be \"" + std::to_string(wanted) +
                   "\": they count up in list order");
}

void check_equal_sizes(const InstanceSizes& sizes, Findings& findings) {
  for (const auto& [place, size] : sizes) {
    if (size == sizes.front().second) continue;
    findings.add(kEqualSizes, place,
                 "this instance has " + std::to_string(size) + " devices and the role's first one " +
                     std::to_string(sizes.front().second) + "; all instances of a role should have the same number");
  }
}

}  // namespace pd::ranktable
