// Device addresses, link and health from the driver's hccn_tool: `hccn_tool -i N -ip -g`, `-link -g`, `-net_health -g`,
// and for a device without an IPv4 address `-ip -inet6 -g`. Format (hicann/driver, src/custom/network/hccn): lines
// "key:value", split at the first ':' and trimmed; an address that was never set is a sentence with an exit status that
// is not 0, or nothing at all. The tool locks: while another call runs it says that it is busy, and is asked again.
// When it stays so, or does not come back, that says nothing of the device: what it said of it before stands for a
// while. Owner: the program that asks. Thread: the io_context's one thread; the tool itself is a child process.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "probe/child_process.h"
#include "probe/device_source.h"

namespace pd::probe {

// What one call told. Unset: there is nothing to tell, no address, or no health as nothing is set to check it against.
// Busy: it has not told.
struct HccnAnswer {
  enum class Kind { kValue, kUnset, kBusy, kBad };
  Kind kind = Kind::kBad;
  std::string text;  // the value; what is wrong
  bool operator==(const HccnAnswer&) const = default;
};

// The value of `key` in the tool's output, if there is one. With several (a device of several links), the first.
std::optional<std::string> hccn_value(std::string_view output, std::string_view key);

HccnAnswer parse_hccn_ip(const ProcessResult& result);      // a peer's IPv4 address
HccnAnswer parse_hccn_ipv6(const ProcessResult& result);    // its IPv6 address
HccnAnswer parse_hccn_link(const ProcessResult& result);    // "up" or "down"
HccnAnswer parse_hccn_health(const ProcessResult& result);  // "ok" or another of the tool's words

class HccnTool final : public DeviceSource {
 public:
  struct Options {
    std::string path = "/usr/local/Ascend/driver/tools/hccn_tool";
    Duration timeout = std::chrono::seconds(10);           // of one call
    Duration busy_delay = std::chrono::milliseconds(200);  // before a busy tool is asked again; grows
    int parallel = 4;                                      // calls at a time, each for another device
    bool only_addresses = false;                           // neither link nor health, which cost a call each
    std::string library_path = {};                         // its LD_LIBRARY_PATH; empty: ours
    Duration remembered = std::chrono::minutes(2);         // how long what it said of a device stands
  };

  HccnTool(asio::io_context& io, ProcessRunner& runner, Options options);

  std::string_view name() const override { return "hccn_tool"; }
  bool present() const override;
  bool enumerates() const override { return false; }
  asio::awaitable<Result<SourceReading>> read(std::vector<int> ids) override;
  // Somebody sets addresses: what it said before stands no more.
  void forget() { read_.clear(); }

 private:
  using Parser = HccnAnswer (*)(const ProcessResult&);
  struct Round;
  struct Read {
    npu::Device device;
    Instant when;
  };

  asio::awaitable<HccnAnswer> ask(int id, std::string_view what, Parser parse);
  std::optional<npu::Device> last_reading(int id) const;  // while it stands
  asio::awaitable<bool> read_device(npu::Device& device, Problems& problems);
  asio::awaitable<bool> read_ipv6(npu::Device& device, const std::optional<npu::Device>& before, Problems& problems);
  asio::awaitable<bool> read_state(npu::Device& device, const std::optional<npu::Device>& before, Problems& problems);
  asio::awaitable<void> work(std::shared_ptr<Round> round);

  asio::io_context& io_;
  ProcessRunner& runner_;
  Options options_;
  std::map<int, Read> read_;  // of each device, the last in which all was told
};

}  // namespace pd::probe
