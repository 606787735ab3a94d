#include "npu/inventory.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/address.h"
#include "base/clock.h"
#include "npu/annotation_reader.h"

namespace pd::npu {
namespace {

constexpr std::size_t kAddressLength = 45;
constexpr std::size_t kWordLength = 64;
constexpr std::size_t kResourceLength = 317;
constexpr std::size_t kTimeLength = 40;
constexpr std::int64_t kHighestSuper = std::numeric_limits<std::int64_t>::max();

std::vector<Device> by_id(std::vector<Device> devices) {
  std::stable_sort(devices.begin(), devices.end(), [](const Device& a, const Device& b) { return a.id < b.id; });
  return devices;
}

OrderedJson device_json(const Device& device) {
  OrderedJson json = {{"id", device.id}};
  if (!device.ip.empty()) json["ip"] = device.ip;
  if (!device.link.empty()) json["link"] = device.link;
  if (!device.health.empty()) json["health"] = device.health;
  if (device.super_device_id) json["super_device_id"] = *device.super_device_id;
  if (device.super_pod_id) json["super_pod_id"] = *device.super_pod_id;
  if (device.logical_id) json["logical_id"] = *device.logical_id;
  if (!device.ipv6.empty()) json["ipv6"] = device.ipv6;
  return json;
}

std::string read_address(AnnotationReader& reader, const Json& json, const std::string& pointer, std::string_view key,
                         std::optional<AddressFamily> wanted) {
  std::string address = reader.text(json, pointer, key, kAddressLength);
  if (address.empty()) return address;
  if (!is_peer_address(address) || (wanted && address_family(address) != wanted)) {
    reader.fail(pointer + "/" + std::string(key),
                shown(address) + " should be the NPU's own " + (wanted ? "IPv6" : "IP") + " address");
  }
  return address;
}

Device read_device(AnnotationReader& reader, const Json& json, const std::string& pointer) {
  Device device;
  if (!json.is_object()) {
    reader.fail(pointer, "a device should be an object and is " + shown(json));
    return device;
  }
  device.id = reader.device_id(json.value("id", Json()), pointer + "/id");
  device.ip = read_address(reader, json, pointer, "ip", std::nullopt);
  device.link = reader.text(json, pointer, "link", kWordLength);
  if (!device.link.empty() && device.link != "up" && device.link != "down") {
    reader.fail(pointer + "/link", shown(device.link) + " should be \"up\" or \"down\"");
  }
  device.health = reader.text(json, pointer, "health", kWordLength);
  device.super_device_id = reader.number(json, pointer, "super_device_id", kHighestSuper);
  device.super_pod_id = reader.number(json, pointer, "super_pod_id", kHighestSuper);
  if (const auto id = reader.number(json, pointer, "logical_id", kHighestDeviceId)) {
    device.logical_id = static_cast<int>(*id);
  }
  device.ipv6 = read_address(reader, json, pointer, "ipv6", AddressFamily::kIPv6);
  return device;
}

void read_devices(AnnotationReader& reader, const Json& document, std::vector<Device>& devices) {
  const Json* list = reader.list(document, "", "devices", kMostDevices);
  if (list == nullptr) return;
  std::set<int> ids;
  for (std::size_t i = 0; i < list->size() && reader.ok(); ++i) {
    const std::string pointer = "/devices/" + std::to_string(i);
    devices.push_back(read_device(reader, (*list)[i], pointer));
    if (!ids.insert(devices.back().id).second) {
      reader.fail(pointer + "/id", "the device id " + std::to_string(devices.back().id) + " occurs twice");
    }
  }
}

}  // namespace

bool Inventory::same_content(const Inventory& other) const {
  return source == other.source && resource == other.resource && by_id(devices) == by_id(other.devices);
}

std::string format_inventory(const Inventory& inventory) {
  OrderedJson json = {{"v", 1},
                      {"source", inventory.source},
                      {"resource", inventory.resource},
                      {"probed", inventory.probed},
                      {"devices", OrderedJson::array()}};
  for (const Device& device : by_id(inventory.devices)) json["devices"].push_back(device_json(device));
  return dump_json(json);
}

Result<Inventory> parse_inventory(std::string_view text) {
  AnnotationReader reader(kInventoryAnnotation);
  const Json document = reader.read(text);
  if (!reader.ok()) return reader.error();
  Inventory inventory;
  inventory.source = reader.text(document, "", "source", kWordLength);
  inventory.resource = reader.text(document, "", "resource", kResourceLength);
  if (!inventory.resource.empty() && !is_resource_name(inventory.resource)) {
    reader.fail("/resource", shown(inventory.resource) + " should be the name of an extended resource");
  }
  inventory.probed = reader.text(document, "", "probed", kTimeLength);
  if (!inventory.probed.empty() && !parse_rfc3339(inventory.probed)) {
    reader.fail("/probed", shown(inventory.probed) + " should be a time as in 2026-11-24T06:34:56Z");
  }
  read_devices(reader, document, inventory.devices);
  if (!reader.ok()) return reader.error();
  inventory.devices = by_id(std::move(inventory.devices));
  return inventory;
}

}  // namespace pd::npu
