// What the driver says: /etc/hccn.conf, the answers of hccn_tool, and the file of addresses that a person keeps.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "daemonset/sources/static_file.h"
#include "probe/hccn_conf.h"
#include "probe/hccn_tool.h"
#include "tests/fuzz/require.h"

namespace pd::probe {
namespace {

using fuzz::require;

void check_reading(const Result<SourceReading>& reading) {
  if (!reading) return fuzz::require_message(reading.error());
  require(!reading->devices.empty(), "a reading has devices");
  int last = -1;
  for (const npu::Device& device : reading->devices) {
    require(device.id > last && device.id <= 255, "devices are by id and in range");
    last = device.id;
    require(device.ip.empty() || is_peer_address(device.ip), "an address is one", device.ip);
    require(device.ipv6.empty() || address_family(device.ipv6) == AddressFamily::kIPv6, "IPv6 is", device.ipv6);
    require(!device.ip.empty() || !device.ipv6.empty() || reading->problems.contains(device_subject(device.id)),
            "a device without address has a problem");
  }
  for (const auto& [subject, problem] : reading->problems) {
    require(!problem.empty() && fuzz::is_showable(problem), "a problem can be shown", problem);
    require(subject.starts_with("device "), "a problem has its subject", subject);
  }
}

template <typename IsRight>
void check_answer(const HccnAnswer& answer, IsRight is_right) {
  if (answer.kind == HccnAnswer::Kind::kValue) require(is_right(answer.text), "a value is one", answer.text);
  if (answer.kind == HccnAnswer::Kind::kBad)
    require(!answer.text.empty() && fuzz::is_showable(answer.text), "what is wrong can be shown", answer.text);
}

void check_tool(const ProcessResult& result) {
  check_answer(parse_hccn_ip(result), [](const std::string& text) { return is_peer_address(text); });
  check_answer(parse_hccn_link(result), [](const std::string& text) { return text == "up" || text == "down"; });
  check_answer(parse_hccn_health(result),
               [](const std::string& text) { return !text.empty() && fuzz::is_showable(text); });
}

void check(std::string_view text) {
  check_reading(parse_hccn_conf(text));
  check_reading(agent::parse_static_file(text));
  for (const std::string_view key : {"ipaddr", "link status", "net health status", ""}) {
    const std::optional<std::string> value = hccn_value(text, key);
    require(!value || value->find('\n') == std::string::npos, "a value is of one line");
  }
  for (const int exit_code : {0, 13}) check_tool({exit_code, std::string(text)});
}

}  // namespace
}  // namespace pd::probe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::probe::check(pd::fuzz::text_of(data, size));
  return 0;
}
