// A node's NPUs and who holds them: the two annotations that pd-agent writes on its own Node and the operator reads.
// Readers accept unknown members and refuse an unknown version. What they read is hostile until checked here.
// Read are at most 64 devices with ids 0..255 and 1024 pods, no device in two of them; an error names the place as a
// JSON pointer. Thread: plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pd::npu {

inline constexpr std::string_view kInventoryAnnotation = "pd-operator.io/npu-inventory";
inline constexpr std::string_view kAllocationsAnnotation = "pd-operator.io/npu-allocations";

// One NPU. Empty strings and nullopt are left out of the annotation.
struct Device {
  int id = 0;               // physical: N of /dev/davinciN
  std::string ip = {};      // empty: not known
  std::string link = {};    // "up", "down" or empty: not known
  std::string health = {};  // "ok", another word of the tool's, or empty
  std::optional<std::int64_t> super_device_id = {};
  std::optional<std::int64_t> super_pod_id = {};
  std::optional<int> logical_id = {};
  std::string ipv6 = {};
  bool operator==(const Device&) const = default;
};

struct Inventory {
  std::string source = {};    // "hccn_tool", "hccn_conf", "static_file", "node_annotation"
  std::string resource = {};  // extended resource in kubelet's allocatable devices, for example huawei.com/Ascend910
  std::string probed = {};    // RFC 3339: when this content was first seen
  std::vector<Device> devices = {};  // by id, ascending
  bool operator==(const Inventory&) const = default;
  // The same but for `probed`, which alone is no reason to write.
  bool same_content(const Inventory& other) const;
};

struct PodDevices {
  std::string pod_namespace = {};
  std::string name = {};
  std::string uid = {};
  std::vector<int> devices = {};  // ascending
  bool operator==(const PodDevices&) const = default;
};

enum class Ids {
  kReal,      // the devices are those that kubelet chose
  kRemapped,  // a scheduler plugin chooses others; only their number is right
  kUnknown,   // kubelet is not asked: no pod is listed
};

struct Allocations {
  Ids ids = Ids::kReal;
  std::vector<PodDevices> pods = {};  // by namespace, name, uid
  bool operator==(const Allocations&) const = default;
};

std::string format_inventory(const Inventory& inventory);
Result<Inventory> parse_inventory(std::string_view text);
std::string format_allocations(const Allocations& allocations);
Result<Allocations> parse_allocations(std::string_view text);

// "real", "remapped", "unknown".
std::string_view to_string(Ids ids);
std::optional<Ids> parse_ids(std::string_view text);

// The physical id in a device plugin's device name: "Ascend910-4", "davinci4", "4". Refuses vNPU names
// ("Ascend910-2c-100-1").
Result<int> device_id_of(std::string_view plugin_device);

}  // namespace pd::npu
