// What holds for every reading of a node's devices, whatever was read.
// Thread: for fuzz targets.
#pragma once

#include "base/address.h"
#include "probe/device_source.h"
#include "tests/fuzz/require.h"

namespace pd::fuzz {

inline void check_reading(const Result<probe::SourceReading>& reading) {
  if (!reading) return require_message(reading.error());
  require(!reading->devices.empty(), "a reading has devices");
  int last = -1;
  for (const npu::Device& device : reading->devices) {
    require(device.id > last && device.id <= 255, "devices are by id and in range");
    last = device.id;
    require(device.ip.empty() || is_peer_address(device.ip), "an address is one", device.ip);
    require(device.ipv6.empty() || address_family(device.ipv6) == AddressFamily::kIPv6, "IPv6 is", device.ipv6);
    require(!device.ip.empty() || !device.ipv6.empty() || reading->problems.contains(probe::device_subject(device.id)),
            "a device without address has a problem");
  }
  for (const auto& [subject, problem] : reading->problems) {
    require(!problem.empty() && is_showable(problem), "a problem can be shown", problem);
    require(subject.starts_with("device "), "a problem has its subject", subject);
  }
}

}  // namespace pd::fuzz
