// Device addresses from the driver's /etc/hccn.conf: lines "address_<id>=<IPv4>" and "IPv6address_<id>=<IPv6>" among
// others, no spaces. The driver's tool edits it in place under an exclusive flock() (hicann/driver, hccn/cfg.c), so it
// is read under a shared one. It is what was configured, not what is live: no link, no health. Owner: the program that
// asks. Thread: the io_context's one thread.
#pragma once

#include <string>

#include "probe/device_source.h"

namespace pd::probe {

// All devices that the text names an address for.
Result<SourceReading> parse_hccn_conf(std::string_view text);

class HccnConf final : public DeviceSource {
 public:
  explicit HccnConf(std::string path) : path_(std::move(path)) {}

  std::string_view name() const override { return "hccn_conf"; }
  bool present() const override;
  bool enumerates() const override { return true; }
  // Waits for who edits it, but no longer than half a second.
  asio::awaitable<Result<SourceReading>> read(std::vector<int> ids) override;
  // The same without waiting for anything.
  Result<SourceReading> read_now(const std::vector<int>& ids) const;

 private:
  std::string path_;
};

// The reading with exactly these devices; of what the source does not know, a device without address and a problem.
SourceReading restrict_to(SourceReading reading, const std::vector<int>& ids, const std::string& where);

}  // namespace pd::probe
