#include "daemonset/sources/checkpoint.h"

#include <set>

namespace pd::agent {
namespace {

constexpr std::size_t kLongestName = 253;

Error at(const std::string& pointer, const std::string& problem) { return invalid(pointer + ": " + problem); }

Result<std::string> read_name(const Json& entry, const char* member, const std::string& place) {
  const auto found = entry.find(member);
  const std::string pointer = place + "/" + member;
  if (found == entry.end() || !found->is_string()) return at(pointer, "is not a string");
  const std::string& text = found->get_ref<const std::string&>();
  if (text.empty() || text.size() > kLongestName) return at(pointer, "is empty or too long");
  for (const char c : text) {
    if (c <= ' ' || c > '~') return at(pointer, "has a character that no name has");
  }
  return text;
}

// DeviceIDs: by NUMA node; of whichever node, they are the container's. A device with several is in each one's list.
Result<std::vector<std::string>> read_devices(const Json& entry, const std::string& place) {
  const auto found = entry.find("DeviceIDs");
  const std::string pointer = place + "/DeviceIDs";
  if (found != entry.end() && found->is_null()) return std::vector<std::string>();
  if (found == entry.end() || !found->is_object()) return at(pointer, "is not an object of lists by NUMA node");
  std::set<std::string> devices;
  for (const auto& [node, ids] : found->items()) {
    const std::string list = pointer + "/" + pointer_token(node);
    if (ids.is_null()) continue;
    if (!ids.is_array()) return at(list, "is not a list");
    std::set<std::string> of_node;
    for (const Json& id : ids) {
      if (!id.is_string() || id.get_ref<const std::string&>().empty()) return at(list, "has a device without a name");
      if (!of_node.insert(id.get<std::string>()).second) return at(list, "names a device twice");
    }
    devices.merge(of_node);
  }
  return std::vector<std::string>(devices.begin(), devices.end());
}

Result<CheckpointEntry> read_entry(const Json& json, const std::string& place) {
  if (!json.is_object()) return at(place, "is not an object");
  Result<std::string> uid = read_name(json, "PodUID", place);
  if (!uid) return uid.error();
  Result<std::string> container = read_name(json, "ContainerName", place);
  if (!container) return container.error();
  Result<std::string> resource = read_name(json, "ResourceName", place);
  if (!resource) return resource.error();
  Result<std::vector<std::string>> devices = read_devices(json, place);
  if (!devices) return devices.error();
  return CheckpointEntry{std::move(*uid), std::move(*container), std::move(*resource), std::move(*devices)};
}

Status verify(const Json& document, bool& verified) {
  const std::optional<std::uint32_t> computed = checkpoint_checksum(document["Data"]);
  verified = computed.has_value();
  if (!computed) return Ok{};
  const auto stated = document.find("Checksum");
  if (stated == document.end() || !stated->is_number_unsigned()) return at("/Checksum", "is not a number");
  if (stated->get<std::uint64_t>() != *computed) {
    return at("/Checksum", "is " + std::to_string(stated->get<std::uint64_t>()) + " where the content gives " +
                               std::to_string(*computed) +
                               ": the file is damaged or of a kubelet that this version does not know");
  }
  return Ok{};
}

}  // namespace

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  const Result<Json> document =
      parse_json(text, {.bytes = kCheckpointLimit, .depth = 8, .string_bytes = std::size_t{1} << 20});
  if (!document) return document.error();
  if (!document->is_object() || !document->contains("Data")) return at("/Data", "is missing");
  const Json& data = (*document)["Data"];
  if (!data.is_object() || !data.contains("PodDeviceEntries")) return at("/Data/PodDeviceEntries", "is missing");
  Checkpoint checkpoint;
  const Status intact = verify(*document, checkpoint.verified);
  if (!intact) return intact.error();
  const Json& entries = data["PodDeviceEntries"];
  if (entries.is_null()) return checkpoint;  // Go's empty list: nothing was allocated yet
  if (!entries.is_array()) return at("/Data/PodDeviceEntries", "is not a list");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Result<CheckpointEntry> entry = read_entry(entries[i], "/Data/PodDeviceEntries/" + std::to_string(i));
    if (!entry) return entry.error();
    checkpoint.entries.push_back(std::move(*entry));
  }
  return checkpoint;
}

}  // namespace pd::agent
