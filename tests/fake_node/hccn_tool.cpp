// fake-hccn-tool: answers as the driver's hccn_tool does (formats and exit codes as seen in its source and logs), from
// the node's hccn.conf instead of a device. One static file, so that any node or image can hold it.
//
//   fake-hccn-tool [--conf FILE] -i N -ip|-link|-net_health|-vnic -g      (-ip -inet6 -g for the IPv6 address)
//
// FAKE_HCCN_CONF names another hccn.conf. hccn_tool.script beside it has what node_files.h says, and
//
//   link down       link and health say so
//   health WORDS    another net health status
//   dialect 950     the words of that product's tool
#include "tests/fake_node/node_files.h"

namespace pd::testing {
namespace {

constexpr int kNotSet = 13;  // as the real tool exits when no address was set

struct Call {
  std::string conf;
  std::string device;
  std::string what;
  bool ipv6 = false;
  bool get = false;
};

Call parse_call(int argc, char** argv) {
  Call call;
  call.conf = conf_path(argc, argv, "FAKE_HCCN_CONF", "/etc/hccn.conf");
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--conf" && i + 1 < argc) {
      ++i;
    } else if (argument == "-i" && i + 1 < argc) {
      call.device = argv[++i];
    } else if (argument == "-inet6") {
      call.ipv6 = true;
    } else if (argument == "-g") {
      call.get = true;
    } else {
      call.what = argument;
    }
  }
  return call;
}

int print_ip(const Call& call, const Script& script) {
  const auto value = [&](const std::string& name) { return conf_value(call.conf, name + "_" + call.device); };
  const std::string address = value(call.ipv6 ? "IPv6address" : "address").value_or("");
  if (address.empty()) {
    std::printf("Get %s failed, because no ip was preset there!\n", script.says("dialect") == "950" ? "ip" : "ipconf");
    return kNotSet;
  }
  if (call.ipv6) {
    std::printf("ipv6_address:%s\nprefix_length:64\n\n", address.c_str());
  } else {
    std::printf("ipaddr:%s\nnetmask:%s\n\n", address.c_str(), value("netmask").value_or("255.255.0.0").c_str());
  }
  return 0;
}

int answer(const Call& call) {
  if (call.device.empty() || !call.get) {
    std::printf("usage: -i N -ip|-link|-net_health|-vnic -g\n");
    return 1;
  }
  const Script script(call.conf, "hccn_tool", call.device);
  if (const std::optional<int> status = script.misbehave("hccn_tool")) return *status;
  const bool down = script.says("link") == "down";
  if (call.what == "-ip") return print_ip(call, script);
  if (call.what == "-link") {
    std::printf("link status: %s\n", down ? "DOWN" : "UP");
  } else if (call.what == "-net_health") {
    std::printf("net health status: %s\n", down ? "Fault" : script.says("health").value_or("Success").c_str());
  } else if (call.what == "-vnic") {
    std::printf("vnic link status: UP\nvnic ipaddr: 192.168.2.%d\nvnic netmask: 255.255.255.0\n",
                199 - std::atoi(call.device.c_str()));
  } else {
    std::printf("unknown option %s\n", call.what.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace pd::testing

int main(int argc, char** argv) { return pd::testing::answer(pd::testing::parse_call(argc, argv)); }
