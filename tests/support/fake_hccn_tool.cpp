// fake-hccn-tool: answers as the driver's hccn_tool does (formats and exit codes as seen in its source and logs), from
// the node's hccn.conf instead of a device. One static file, so that any node or image can hold it.
//
//   fake-hccn-tool [--conf FILE] -i N -ip|-link|-net_health|-vnic -g      (-ip -inet6 -g for the IPv6 address)
//
// FAKE_HCCN_CONF names another hccn.conf. Misbehaviour is scripted by FAKE_HCCN_SCRIPT or hccn_tool.script beside the
// conf; each line is a device's number or *, and one of
//
//   busy N        the first N calls for it say that the tool is busy
//   hang          never answers; its pid is appended to <script>.pids
//   garbage       bytes that no one expects
//   flood         never stops answering
//   link down     link and health say so
//   health WORDS  another net health status
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace pd::testing {
namespace {

constexpr int kNotSet = 13;  // as the real tool exits when no address was set

struct Call {
  std::string conf = "/etc/hccn.conf";
  std::string script;
  std::string device;
  std::string what;
  bool ipv6 = false;
  bool get = false;
};

struct Behaviour {
  long busy = 0;
  bool hang = false;
  bool garbage = false;
  bool flood = false;
  bool link_down = false;
  std::string health = "Success";
};

Call parse_call(int argc, char** argv) {
  Call call;
  if (const char* conf = std::getenv("FAKE_HCCN_CONF")) call.conf = conf;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--conf" && i + 1 < argc) {
      call.conf = argv[++i];
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
  const char* script = std::getenv("FAKE_HCCN_SCRIPT");
  call.script = script != nullptr ? script : call.conf.substr(0, call.conf.find_last_of('/') + 1) + "hccn_tool.script";
  return call;
}

void apply_line(const std::string& line, const std::string& device, Behaviour& behaviour) {
  std::istringstream words(line);
  std::string whom, what, rest;
  words >> whom >> what >> std::ws;
  std::getline(words, rest);
  if (whom != "*" && whom != device) return;
  if (what == "busy") behaviour.busy = std::strtol(rest.c_str(), nullptr, 10);
  if (what == "hang") behaviour.hang = true;
  if (what == "garbage") behaviour.garbage = true;
  if (what == "flood") behaviour.flood = true;
  if (what == "link" && rest == "down") behaviour.link_down = true;
  if (what == "health") behaviour.health = rest;
}

Behaviour read_script(const Call& call) {
  Behaviour behaviour;
  std::ifstream file(call.script);
  for (std::string line; std::getline(file, line);) apply_line(line, call.device, behaviour);
  return behaviour;
}

// Appends to a file, and says how long it is now.
long append(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text.data(), text.size()) < 0) return 0;
  struct stat facts {};
  fstat(fd, &facts);
  close(fd);
  return facts.st_size;
}

std::optional<std::string> conf_value(const Call& call, const std::string& name) {
  const std::string prefix = name + "_" + call.device + "=";
  std::ifstream file(call.conf);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(prefix, 0) == 0) return line.substr(prefix.size());
  }
  return std::nullopt;
}

int print_ip(const Call& call) {
  const std::optional<std::string> address = conf_value(call, call.ipv6 ? "IPv6address" : "address");
  if (!address || address->empty()) {
    std::printf("Get ipconf failed, because no ip was preset there!\n");
    return kNotSet;
  }
  if (call.ipv6) {
    std::printf("ipv6_address:%s\nprefix_length:64\n\n", address->c_str());
  } else {
    std::printf("ipaddr:%s\nnetmask:%s\n\n", address->c_str(),
                conf_value(call, "netmask").value_or("255.255.0.0").c_str());
  }
  return 0;
}

int misbehave(const Call& call, const Behaviour& behaviour) {
  if (behaviour.hang) {
    append(call.script + ".pids", std::to_string(getpid()) + "\n");
    while (true) pause();
  }
  if (behaviour.garbage) {
    static constexpr char kBytes[] = "\0\xff\xfe::ipaddr:\x1b[2J:999.1.1.1\nipaddr\n:\n";
    std::fwrite(kBytes, 1, sizeof kBytes - 1, stdout);
    return 0;
  }
  while (behaviour.flood) {
    if (std::puts("ipaddr:29.81.18.100ipaddr:29.81.18.100ipaddr:29.81.18.100") < 0) break;
  }
  return 1;
}

int answer(const Call& call) {
  if (call.device.empty() || !call.get) {
    std::printf("usage: -i N -ip|-link|-net_health|-vnic -g\n");
    return 1;
  }
  const Behaviour behaviour = read_script(call);
  if (behaviour.hang || behaviour.garbage || behaviour.flood) return misbehave(call, behaviour);
  if (behaviour.busy > 0 && append(call.script + "." + call.device + ".calls", ".") <= behaviour.busy) {
    std::printf("hccn_tool is busy, please try again.\n");
    return 1;
  }
  if (call.what == "-ip") return print_ip(call);
  if (call.what == "-link") {
    std::printf("link status: %s\n", behaviour.link_down ? "DOWN" : "UP");
  } else if (call.what == "-net_health") {
    std::printf("net health status: %s\n", behaviour.link_down ? "Fault" : behaviour.health.c_str());
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
