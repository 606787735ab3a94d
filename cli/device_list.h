// The devices of instances, as people write them: "4,5" is an instance of rank 0 on device 4 and rank 1 on device 5.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace pd::cli {

using DeviceList = std::vector<int>;  // in rank order

inline constexpr int kHighestDevice = 15;  // HCCL knows no higher one

// Numbers from 0 to 15 as they are written in a table, separated by commas alone.
Result<DeviceList> parse_device_list(const std::string& text);

// The script's name for an instance's devices: "45".
std::string joined_ids(const DeviceList& devices);
// "4,5"
std::string spelled_ids(const DeviceList& devices);

// Each device once over all instances, all instances of one role of one size, and no two whose names are the same.
Status check_device_lists(const std::vector<DeviceList>& prefill, const std::vector<DeviceList>& decode);

}  // namespace pd::cli
