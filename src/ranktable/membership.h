// What a ranktable says, apart from how a layout spells it: who serves, on which devices, in which order.
// Order is meaning here: instances, pods and devices are listed in rank order.
// Thread: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pd::ranktable {

// A member that no layout knows, carried along: "device_port", say.
struct Member {
  std::string key = {};
  std::string value = {};
  bool operator==(const Member&) const = default;
};

struct Device {
  int id = 0;                                         // physical: N of /dev/davinciN
  std::string ip = {};                                // the NPU's own address (RoCE), not the host's
  std::optional<std::uint32_t> super_device_id = {};  // SDID; A3 super pods only
  std::vector<Member> more = {};
  bool operator==(const Device&) const = default;
};

// One server entry: a pod, or a host where there are no pods. The scheduler's has no devices.
struct Server {
  std::string id = {};  // "server_id"; by default the same as ip
  std::string ip = {};  // "server_ip"
  std::vector<Device> devices = {};
  std::string host_ip = {};       // where a layout tells the host and the pod apart
  std::string super_pod_id = {};  // A3 super pods only
  std::string pod = {};           // the pod's name; only GroupList writes it
  bool operator==(const Server&) const = default;
};

// One prefill or decode instance: ranks run on over its servers.
struct Instance {
  std::string name = {};  // "prefill-0": names the local table, is not part of a table's content
  std::vector<Server> servers = {};
  bool operator==(const Instance&) const = default;
};

struct Membership {
  std::vector<Server> schedulers = {};   // one; more only in MindIE, none in a part of a deployment
  std::vector<Server> controllers = {};  // MindIE only
  std::vector<Instance> prefill = {};
  std::vector<Instance> decode = {};
  std::vector<Instance> unassigned = {};  // read from a layout that does not tell the roles apart
  bool operator==(const Membership&) const = default;
};

// Instances by the numbers in their names (prefill-2 before prefill-10), an instance's servers by the number at the end
// of their pods' names, devices by id. Whatever order the input had, the order of ranks is then the same.
void sort_numerically(Membership& membership);

}  // namespace pd::ranktable
