// What the driver says of addresses: /etc/hccn.conf, and the answers of hccn_tool.
#include <cstddef>
#include <cstdint>

#include "probe/hccn_conf.h"
#include "probe/hccn_tool.h"
#include "tests/fuzz/check_reading.h"

namespace pd::probe {
namespace {

using fuzz::require;

template <typename IsRight>
void check_answer(const HccnAnswer& answer, IsRight is_right) {
  if (answer.kind == HccnAnswer::Kind::kValue) require(is_right(answer.text), "a value is one", answer.text);
  if (answer.kind == HccnAnswer::Kind::kUnset || answer.kind == HccnAnswer::Kind::kBusy)
    require(answer.text.empty(), "no value is none", answer.text);
  if (answer.kind == HccnAnswer::Kind::kBad)
    require(!answer.text.empty() && fuzz::is_showable(answer.text), "what is wrong can be shown", answer.text);
}

void check_tool(const ProcessResult& result) {
  const auto is_of = [](AddressFamily family) {
    return [family](const std::string& text) { return is_peer_address(text) && address_family(text) == family; };
  };
  check_answer(parse_hccn_ip(result), is_of(AddressFamily::kIPv4));
  check_answer(parse_hccn_ipv6(result), is_of(AddressFamily::kIPv6));
  check_answer(parse_hccn_link(result), [](const std::string& text) { return text == "up" || text == "down"; });
  check_answer(parse_hccn_health(result), [](const std::string& text) {
    return !text.empty() && fuzz::is_showable(text) && text != "Init" && text != "Success";
  });
}

void check(std::string_view text) {
  fuzz::check_reading(parse_hccn_conf(text));
  for (const std::string_view key : {"ipaddr", "ipv6_address", "link status", "net health status", ""}) {
    const std::optional<std::string> value = hccn_value(text, key);
    require(!value || value->find('\n') == std::string::npos, "a value is of one line");
  }
  for (const int exit_code : {0, 13, 127}) check_tool({exit_code, std::string(text)});
}

}  // namespace
}  // namespace pd::probe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::probe::check(pd::fuzz::text_of(data, size));
  return 0;
}
