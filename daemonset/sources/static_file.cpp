#include "daemonset/sources/static_file.h"

#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "probe/hccn_conf.h"

namespace pd::agent {

Result<probe::SourceReading> parse_static_file(std::string_view text) {
  const Result<Json> document = parse_json(text);
  if (!document) return document.error();
  if (!document->is_object() || !document->contains("devices")) return invalid("it has no member \"devices\"");
  // The annotation's reader checks them; what it wants beside them is made up.
  Json annotation = {
      {"v", 1}, {"source", "static_file"}, {"resource", "huawei.com/Ascend910"}, {"probed", "1970-01-01T00:00:00Z"}};
  annotation["devices"] = (*document)["devices"];
  Result<npu::Inventory> inventory = npu::parse_inventory(dump_json(annotation));
  if (!inventory) return inventory.error();
  probe::SourceReading reading;
  reading.devices = std::move(inventory->devices);
  if (reading.devices.empty()) return invalid("its \"devices\" are empty");
  for (const npu::Device& device : reading.devices) {
    if (device.ip.empty() && device.ipv6.empty())
      reading.problems[probe::device_subject(device.id)] = "it has no address in the file of --static-file; add one";
  }
  return reading;
}

bool StaticFile::present() const { return !path_.empty() && access(path_.c_str(), F_OK) == 0; }

asio::awaitable<Result<probe::SourceReading>> StaticFile::read(std::vector<int> ids) {
  if (path_.empty()) co_return Error{Code::kNotFound, "no --static-file is set"};
  const Result<std::string> text = read_file(path_);
  if (!text) co_return text.error();
  Result<probe::SourceReading> reading = parse_static_file(*text);
  if (!reading) co_return reading.error().with_context(path_);
  if (ids.empty()) co_return reading;
  co_return probe::restrict_to(std::move(*reading), ids, path_);
}

}  // namespace pd::agent
