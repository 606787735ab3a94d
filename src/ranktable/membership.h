// What a ranktable says, apart from how a layout spells it: who serves, on which devices, in which order.
// Order is meaning here: instances, pods and devices are listed in rank order.
// Thread: plain values.
#pragma once

#include <string>
#include <vector>

namespace pd::ranktable {

struct Device {
  int id = 0;           // physical: N of /dev/davinciN
  std::string ip = {};  // the NPU's own address (RoCE), not the host's
  bool operator==(const Device&) const = default;
};

// One server entry. The scheduler's has no devices.
struct Server {
  std::string id = {};  // "server_id"; by default the same as ip
  std::string ip = {};  // "server_ip"
  std::vector<Device> devices = {};
  bool operator==(const Server&) const = default;
};

// One prefill or decode instance: ranks run on over its servers.
struct Instance {
  std::string name = {};  // "prefill-0": names the local table, is not part of a table's content
  std::vector<Server> servers = {};
  bool operator==(const Instance&) const = default;
};

struct Membership {
  Server scheduler = {};
  std::vector<Instance> prefill = {};
  std::vector<Instance> decode = {};
  bool operator==(const Membership&) const = default;
};

}  // namespace pd::ranktable
