// What this host knows of its NPUs' addresses: from the driver's tool, or where there is none, from its configuration.
// Thread: blocking; runs an event loop of its own.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace pd::cli {

struct AddressSources {
  std::string hccn_tool = {};  // when one of the two is named, only that one is asked
  std::string hccn_conf = {};
  std::string usual_tool = "/usr/local/Ascend/driver/tools/hccn_tool";  // else the first on `search_path`
  std::string usual_conf = "/etc/hccn.conf";                            // where there is no such tool
  std::string search_path = {};                                         // as $PATH
  std::chrono::milliseconds timeout = std::chrono::seconds(10);         // of one call of the tool
};

struct DeviceAddresses {
  std::map<int, std::string> addresses;  // by device
  std::vector<std::string> complaints;   // a line for each device without: why; at the end what to do
};

// Asks for these devices and no others; for none after those with which a tool hung.
DeviceAddresses ask_addresses(const std::vector<int>& devices, const AddressSources& sources);

}  // namespace pd::cli
