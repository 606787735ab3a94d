// fake-npu-smi: answers as the driver's npu-smi does about super pods (formats as seen in its source), from a file
// instead of devices.
//
//   fake-npu-smi [--conf FILE] info -m
//   fake-npu-smi [--conf FILE] info -t spod-info -i CARD -c CHIP
//
// FILE or FAKE_NPU_SMI_CONF (/etc/npu-smi.conf) has lines product=910_93, or 910B or 950, devices=N, super_pod_id=N,
// server_index=N, and sdid_<physical id>=N. npu-smi.script beside it has what node_files.h says; -m is asked of no
// device, so only lines with * count for it.
#include "tests/fake_node/node_files.h"

namespace pd::testing {
namespace {

constexpr long kUnset = 4294967295;
constexpr int kInvalidParameter = 202;

struct Call {
  std::string conf;
  bool mapping = false;
  bool super_pods = false;
  int card = -1;
  int chip = -1;
};

Call parse_call(int argc, char** argv) {
  Call call;
  call.conf = conf_path(argc, argv, "FAKE_NPU_SMI_CONF", "/etc/npu-smi.conf");
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::string next = i + 1 < argc ? argv[i + 1] : "";
    if (argument == "-m") call.mapping = true;
    if (argument == "-t") call.super_pods = next == "spod-info";
    if (argument == "-i") call.card = std::atoi(next.c_str());
    if (argument == "-c") call.chip = std::atoi(next.c_str());
  }
  return call;
}

class Driver {
 public:
  explicit Driver(std::string conf) : conf_(std::move(conf)), product_(conf_value(conf_, "product").value_or("910B")) {}

  bool two_chips() const { return product_ == "910_93"; }
  bool has_super_pods() const { return product_ != "910B"; }
  bool takes_chip() const { return product_ != "950"; }
  long value(const std::string& name) const {
    const std::optional<std::string> text = conf_value(conf_, name);
    return text ? std::strtol(text->c_str(), nullptr, 10) : kUnset;
  }
  int count() const { return std::atoi(conf_value(conf_, "devices").value_or("8").c_str()); }

 private:
  std::string conf_;
  std::string product_;
};

int print_mapping(const Driver& driver) {
  if (driver.two_chips()) {
    std::printf("\t%-30s %-30s %-30s %-30s %-30s\n", "NPU ID", "Chip ID", "Chip Logic ID", "Chip Phy-ID", "Chip Name");
  } else if (driver.has_super_pods()) {
    std::printf("\t%-30s %-30s %-30s %-30s %-30s\n", "NPU ID", "Slot ID", "Chip ID", "Chip Phy-ID", "Chip Name");
  } else {
    std::printf("\t%-30s %-30s %-30s %-30s\n", "NPU ID", "Chip ID", "Chip Logic ID", "Chip Name");
  }
  for (int id = 0; id < driver.count(); ++id) {
    if (driver.two_chips()) {
      std::printf("\t%-30d %-30d %-30d %-30d %s\n", id / 2, id % 2, id, id, "Ascend910");
      if (id % 2 == 1) std::printf("\t%-30d %-30d %-30s %-30s %-30s\n", id / 2, 2, "-", "-", "Mcu");
    } else if (driver.has_super_pods()) {
      std::printf("\t%-30d %-30d %-30d %-30d %s\n", id, id + 1, 0, id, "Ascend950");
    } else {
      std::printf("\t%-30d %-30d %-30d %s %s\n", id, 0, id, "Ascend", "910B3");
    }
  }
  return 0;
}

int print_super_pod(const Driver& driver, int id) {
  if (driver.takes_chip()) std::printf("\t%-30s : %ld\n", "SDID", driver.value("sdid_" + std::to_string(id)));
  std::printf("\t%-30s : %u\n", "Super Pod Size", 384U);
  std::printf("\t%-30s : %ld\n", "Super Pod ID", driver.value("super_pod_id"));
  std::printf("\t%-30s : %ld\n", "Server Index", driver.value("server_index"));
  return 0;
}

int answer(const Call& call) {
  const Driver driver(call.conf);
  const int id = driver.two_chips() ? call.card * 2 + call.chip : call.card;
  const Script script(call.conf, "npu-smi", call.mapping ? "-m" : std::to_string(id));
  if (const std::optional<int> status = script.misbehave("npu-smi")) return *status;
  if (call.mapping) return print_mapping(driver);
  if (!call.super_pods || (call.chip >= 0) != driver.takes_chip() || id < 0 || id >= driver.count()) {
    std::printf("Error parameter of %d.\n", call.card);
    return kInvalidParameter;
  }
  if (driver.has_super_pods()) return print_super_pod(driver, id);
  std::printf("This device does not support querying spod-info.\n");
  return 0;
}

}  // namespace
}  // namespace pd::testing

int main(int argc, char** argv) { return pd::testing::answer(pd::testing::parse_call(argc, argv)); }
