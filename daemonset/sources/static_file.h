// Device addresses from a file that a person keeps: {"devices":[...]} with the `devices` of the npu-inventory
// annotation.
//
//   {"devices":[{"id":0,"ip":"29.81.18.100"},{"id":1,"ip":"29.81.18.101"}]}
//
// Owner: InventoryProbe. Thread: the io_context's one thread.
#pragma once

#include <string>

#include "probe/device_source.h"

namespace pd::agent {

namespace asio = boost::asio;

Result<probe::SourceReading> parse_static_file(std::string_view text);

class StaticFile final : public probe::DeviceSource {
 public:
  // An empty path: there is no such file.
  explicit StaticFile(std::string path) : path_(std::move(path)) {}

  std::string_view name() const override { return "static_file"; }
  bool present() const override;
  bool enumerates() const override { return true; }
  asio::awaitable<Result<probe::SourceReading>> read(std::vector<int> ids) override;

 private:
  std::string path_;
};

}  // namespace pd::agent
