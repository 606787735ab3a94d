// The text that kubelet hashes: what Go's spew prints for the struct with "%#v" and sorted keys.
#include <algorithm>
#include <array>
#include <charconv>

#include "daemonset/sources/checkpoint.h"

namespace pd::agent {
namespace {

// FNV-1a, fed piece by piece, so that the text is never held.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) {
      state_ ^= static_cast<unsigned char>(c);
      state_ *= 16777619U;
    }
  }
  std::uint32_t value() const { return state_; }

 private:
  std::uint32_t state_ = 2166136261U;
};

bool has_only(const Json& object, std::initializer_list<const char*> members) {
  if (!object.is_object()) return false;
  std::size_t known = 0;
  for (const char* member : members) known += object.contains(member) ? 1 : 0;
  return known == members.size() && object.size() == known;
}

bool add_strings(const Json& list, Hash& hash) {
  if (list.is_null()) {
    hash.add("<nil>");
    return true;
  }
  if (!list.is_array()) return false;
  hash.add("[");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string()) return false;
    if (i > 0) hash.add(" ");
    hash.add(list[i].get_ref<const std::string&>());
  }
  hash.add("]");
  return true;
}

// A []byte, which JSON carries as base64 and spew prints as numbers.
bool add_bytes(const Json& base64, Hash& hash) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (base64.is_null()) {
    hash.add("<nil>");
    return true;
  }
  if (!base64.is_string()) return false;
  std::string_view text = base64.get_ref<const std::string&>();
  if (text.size() % 4 != 0) return false;
  while (text.ends_with('=')) text.remove_suffix(1);
  hash.add("[");
  std::uint32_t bits = 0;
  int held = 0;
  bool first = true;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return false;
    bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xffffffU;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    if (!first) hash.add(" ");
    first = false;
    hash.add(std::to_string(bits >> held & 0xffU));
  }
  hash.add("]");
  return true;
}

bool add_devices_by_numa(const Json& devices, Hash& hash) {
  if (devices.is_null()) {
    hash.add("<nil>");
    return true;
  }
  if (!devices.is_object()) return false;
  std::vector<std::pair<std::int64_t, const Json*>> nodes;
  for (const auto& [key, ids] : devices.items()) {
    std::int64_t node = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), node);
    const bool is_whole = error == std::errc() && end == key.data() + key.size();
    if (!is_whole || std::to_string(node) != key) return false;  // "-0" beside "0" would have no order
    nodes.emplace_back(node, &ids);
  }
  std::sort(nodes.begin(), nodes.end());
  hash.add("map[");
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    hash.add((i > 0 ? " " : "") + std::to_string(nodes[i].first) + ":");
    if (!add_strings(*nodes[i].second, hash)) return false;
  }
  hash.add("]");
  return true;
}

bool add_entry(const Json& entry, Hash& hash) {
  static constexpr std::array<std::pair<const char*, const char*>, 3> kStrings = {
      {{"PodUID", "{PodUID:(string)"},
       {"ContainerName", " ContainerName:(string)"},
       {"ResourceName", " ResourceName:(string)"}}};
  if (!has_only(entry, {"PodUID", "ContainerName", "ResourceName", "DeviceIDs", "AllocResp"})) return false;
  for (const auto& [member, label] : kStrings) {
    if (!entry[member].is_string()) return false;
    hash.add(label);
    hash.add(entry[member].get_ref<const std::string&>());
  }
  hash.add(" DeviceIDs:(checkpoint.DevicesPerNUMA)");
  if (!add_devices_by_numa(entry["DeviceIDs"], hash)) return false;
  hash.add(" AllocResp:([]uint8)");
  if (!add_bytes(entry["AllocResp"], hash)) return false;
  hash.add("}");
  return true;
}

bool add_entries(const Json& entries, Hash& hash) {
  if (entries.is_null()) {
    hash.add("<nil>");
    return true;
  }
  if (!entries.is_array()) return false;
  hash.add("[");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) hash.add(" ");
    if (!add_entry(entries[i], hash)) return false;
  }
  hash.add("]");
  return true;
}

bool add_registered(const Json& registered, Hash& hash) {
  if (registered.is_null()) {
    hash.add("<nil>");
    return true;
  }
  if (!registered.is_object()) return false;
  hash.add("map[");
  bool first = true;
  for (const auto& [resource, ids] : registered.items()) {  // sorted, as Json keeps its keys
    hash.add((first ? "" : " ") + resource + ":");
    first = false;
    if (!add_strings(ids, hash)) return false;
  }
  hash.add("]");
  return true;
}

}  // namespace

std::optional<std::uint32_t> checkpoint_checksum(const Json& data) {
  if (!has_only(data, {"PodDeviceEntries", "RegisteredDevices"})) return std::nullopt;
  Hash hash;
  hash.add("(checkpoint.checkpointData){PodDeviceEntries:([]checkpoint.PodDevicesEntry)");
  if (!add_entries(data["PodDeviceEntries"], hash)) return std::nullopt;
  hash.add(" RegisteredDevices:(map[string][]string)");
  if (!add_registered(data["RegisteredDevices"], hash)) return std::nullopt;
  hash.add("}");
  return hash.value();
}

}  // namespace pd::agent
