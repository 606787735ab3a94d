// Pod UIDs by device, from kubelet's device-plugins/kubelet_internal_checkpoint. The file is kubelet's own affair and
// not an API, so nothing is taken on trust: its checksum is verified as kubelet does, unless a newer kubelet has added
// members; then all that we read is checked by shape. What it says counts only together with PodResources (owners.h).
// Format: {"Data":{"PodDeviceEntries":[{"PodUID","ContainerName","ResourceName","DeviceIDs":{"<NUMA
// node>":["id"]},"AllocResp"}], "RegisteredDevices":{"resource":["id"]}},"Checksum":n}; n is FNV-1a (32 bits) over Go's
// spew text of Data. Kubelet replaces the file by rename. Thread: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace pd::agent {

// What one container holds of one resource.
struct CheckpointEntry {
  std::string pod_uid;
  std::string container;
  std::string resource;
  std::vector<std::string> devices;
  bool operator==(const CheckpointEntry&) const = default;
};

struct Checkpoint {
  std::vector<CheckpointEntry> entries;
  bool verified = false;  // false: members that this version does not know kept the checksum from being verified
};

inline constexpr std::size_t kCheckpointLimit = std::size_t{16} << 20;

Result<Checkpoint> parse_checkpoint(std::string_view text);

// Kubelet's checksum of the `Data` member; nothing when it has a member or a shape that we do not know.
std::optional<std::uint32_t> checkpoint_checksum(const Json& data);

}  // namespace pd::agent
