#include "probe/tool_problems.h"

#include <array>

#include "base/excerpt.h"

namespace pd::probe {
namespace {

struct Advice {
  std::string_view words;  // in what the tool printed
  std::string_view advice;
};

constexpr std::string_view kLibraries =
    "the driver's libraries are not found; mount /usr/local/Ascend/driver and /usr/local/dcmi of the host, and set "
    "LD_LIBRARY_PATH=/usr/local/Ascend/driver/lib64:/usr/local/Ascend/driver/lib64/driver:"
    "/usr/local/Ascend/driver/lib64/common";

constexpr std::array<Advice, 5> kAdvices = {{
    {"error while loading shared libraries", kLibraries},
    {"ermission denied", "it answers only root in a privileged container; set privileged: true and runAsUser: 0"},
    {"is not exist", "the driver does not have this device; compare /dev/davinci* with npu-smi info"},
    {"not supported on this product", "this product's addresses come from elsewhere; choose it with --source"},
    {"dcmi mod", "the driver does not let it in; mount /dev and /usr/local/dcmi of the host, and look at dmesg"},
}};

std::string quoted(const ProcessResult& result) {
  const std::size_t first = result.output.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "no output";
  const std::size_t last = result.output.find_last_not_of(" \t\r\n");
  return "\"" + excerpt(std::string_view(result.output).substr(first, last - first + 1)) + "\"";
}

std::string_view advice_for(const ProcessResult& result) {
  for (const Advice& known : kAdvices) {
    if (result.output.find(known.words) != std::string::npos) return known.advice;
  }
  constexpr int kNotStarted = 127;
  return result.exit_code == kNotStarted ? kLibraries : "run it by hand as root on the node to see more";
}

}  // namespace

std::string tool_not_run(const Error& error) {
  std::string text = error.message;
  switch (error.code) {
    case Code::kTimeout:
      return text += "; the driver may hang: look at dmesg, and for processes in state D";
    case Code::kNotFound:
      return text += "; the file is there, but not the loader that it needs: it runs only where glibc is";
    case Code::kForbidden:
      return text += "; look at the file's mode and whether its mount has noexec";
    case Code::kInvalid:
      return text += "; the driver's tool answers in a few lines: look at what is mounted in its place";
    default:
      return text;
  }
}

std::string tool_failed(const ProcessResult& result) {
  std::string text = "exit status " + std::to_string(result.exit_code) + ", " + quoted(result) + "; ";
  return text += advice_for(result);
}

std::string tool_unclear(std::string_view key, const ProcessResult& result) {
  return "no line \"" + std::string(key) + ":\" in its answer (" + quoted(result) +
         "); run it by hand: if it says the same there, this driver's version is not known to us";
}

std::string tool_busy() {
  return "it is busy all the time; look who else runs hccn_tool on this node, and let it run less often";
}

std::string not_an_address(std::string_view value) {
  return "\"" + excerpt(value) + "\" is not an address that peers could reach; set another with -ip -s";
}

std::string unknown_word(std::string_view key, std::string_view value) {
  return "unknown " + std::string(key) + " \"" + excerpt(value) + "\"; this driver's version is not known to us";
}

std::string no_address(int id, const std::string& ipv6) {
  std::string text = "no address is set";
  if (!ipv6.empty()) text += ", and whether an IPv6 address is can't be read (" + ipv6 + ")";
  return text += "; set one with hccn_tool -i " + std::to_string(id) + " -ip -s address IP netmask MASK";
}

std::string link_down(int id) {
  return "its link is down; look at the cable and the switch port, and at the transceiver with hccn_tool -i " +
         std::to_string(id) + " -optical -g";
}

std::string unhealthy(int id, std::string_view word) {
  const std::string tool = "hccn_tool -i " + std::to_string(id);
  std::string text = "its net health is \"" + std::string(word) + "\"; ";
  if (word == "Receive timeout" || word == "Unreachable" || word == "Time exceeded") {
    return text += "the address that it is checked against does not answer: look at that (" + tool +
                   " -netdetect -g), at the gateway, and at the switch port's VLAN";
  }
  if (word == "Fault") return text += "look at the transceiver and the cable (" + tool + " -optical -g)";
  return text += "the check itself does not work: look at dmesg and the driver's log";
}

}  // namespace pd::probe
