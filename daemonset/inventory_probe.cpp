#include "daemonset/inventory_probe.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>

#include "base/excerpt.h"

namespace pd::agent {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void sort_unique(std::vector<int>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

// Two addresses, and not the same.
bool differ(const std::string& one, const std::string& other) { return !one.empty() && !other.empty() && one != other; }

}  // namespace

std::vector<int> davinci_ids(const std::string& dev_dir) {
  constexpr std::string_view kPrefix = "davinci";
  std::vector<int> ids;
  std::error_code error;
  for (std::filesystem::directory_iterator at(dev_dir, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    int id = -1;
    const char* last = name.data() + name.size();
    const auto [parsed, failed] = std::from_chars(name.data() + kPrefix.size(), last, id);
    if (failed == std::errc() && parsed == last && id >= 0) ids.push_back(id);
  }
  sort_unique(ids);
  return ids;
}

std::vector<probe::DeviceSource*> InventoryProbe::sources_in_order() const {
  std::vector<probe::DeviceSource*> order;
  for (probe::DeviceSource* source : {&sources_.node_annotation, &sources_.hccn_tool,
                                      static_cast<probe::DeviceSource*>(&sources_.hccn_conf), &sources_.static_file}) {
    if (options_.source == source->name() || (options_.source == "auto" && source->present())) order.push_back(source);
  }
  return order;
}

// The resource's name and, by kubelet's word, its devices.
asio::awaitable<std::vector<int>> InventoryProbe::ask_kubelet(probe::Problems& problems) {
  std::vector<int> ids;
  if (pod_resources_ == nullptr) {
    resource_ = options_.resource_names.front();
    co_return ids;
  }
  const Result<std::vector<AllocatableDevices>> allocatable = co_await pod_resources_->allocatable();
  if (!allocatable) {
    problems["kubelet"] = allocatable.error().message;
    co_return ids;
  }
  for (const std::string& name : options_.resource_names) {
    const auto found = std::find_if(allocatable->begin(), allocatable->end(),
                                    [&](const AllocatableDevices& a) { return a.resource == name; });
    if (found == allocatable->end()) continue;
    resource_ = name;
    for (const std::string& device : found->devices) {
      const Result<int> id = npu::device_id_of(device);
      if (id) ids.push_back(*id);
      if (!id) problems["kubelet's " + excerpt(device)] = "not a whole NPU: " + id.error().message;
    }
    sort_unique(ids);
    co_return ids;
  }
  problems["kubelet"] = "kubelet has none of " + joined(options_.resource_names) +
                        " to give: look whether the device plugin runs, or whether --resource-names "
                        "(agent.resourceNames in the chart) is right";
  co_return ids;
}

// The first source that answers. Those before it are said to have failed.
asio::awaitable<Result<probe::SourceReading>> InventoryProbe::read_first(std::vector<int> ids,
                                                                         std::vector<int> known_ids,
                                                                         InventoryReading& result) {
  const std::vector<probe::DeviceSource*> order = sources_in_order();
  if (order.empty())
    result.problems["sources"] =
        "there is neither the Node's annotation baseDeviceInfos nor hccn_tool nor hccn.conf nor a static file "
        "to learn the devices' addresses from";
  result.inventory.source = std::string(order.empty() ? sources_.hccn_tool.name() : order.front()->name());
  for (probe::DeviceSource* source : order) {
    const std::vector<int>& wanted = ids.empty() && !source->enumerates() ? known_ids : ids;
    const Instant asked = std::chrono::steady_clock::now();
    Result<probe::SourceReading> reading = co_await source->read(wanted);
    metrics_.answered(source->name(), std::chrono::steady_clock::now() - asked);
    if (reading) {
      result.inventory.source = std::string(source->name());
      co_return reading;
    }
    metrics_.failed(source->name(), reading.error());
    result.problems[std::string(source->name())] = reading.error().message;
  }
  co_return Error{Code::kUnavailable, "no source of device addresses answered"};
}

// The devices that hccn.conf names: whom to ask about while kubelet does not answer.
asio::awaitable<std::vector<int>> InventoryProbe::ids_in_conf() const {
  std::vector<int> ids;
  const Result<probe::SourceReading> conf = co_await sources_.hccn_conf.read({});
  if (!conf) co_return ids;
  for (const npu::Device& device : conf->devices) ids.push_back(device.id);
  co_return ids;
}

// With a source that is a file, and so costs nothing to read. One that was not asked for may be empty.
asio::awaitable<void> InventoryProbe::compare(const npu::Inventory& inventory, probe::DeviceSource& other,
                                              probe::Problems& problems) const {
  if (inventory.source == other.name() || !other.present()) co_return;
  const Result<probe::SourceReading> reading = co_await other.read({});
  if (!reading) co_return;
  const std::string name(other.name());
  for (const npu::Device& device : inventory.devices) {
    for (const npu::Device& known : reading->devices) {
      if (known.id != device.id) continue;
      const bool four = differ(device.ip, known.ip);
      if (!four && !differ(device.ipv6, known.ipv6)) continue;
      std::string& problem = problems[probe::device_subject(device.id) + " in " + name];
      problem = "device " + std::to_string(device.id) + ": " + inventory.source + " says ";
      problem.append(four ? device.ip : device.ipv6).append(" and ").append(name).append(" says ");
      problem.append(four ? known.ip : known.ipv6)
          .append("; the former is used: correct the other, or choose --source");
    }
  }
}

asio::awaitable<Result<InventoryReading>> InventoryProbe::read() {
  InventoryReading result;
  std::vector<int> known_ids = co_await ask_kubelet(result.problems);
  if (known_ids.empty()) known_ids = co_await ids_in_conf();
  std::vector<int> ids = davinci_ids(options_.dev_dir);
  if (ids.empty()) {
    ids.resize(static_cast<std::size_t>(options_.device_count.value_or(0)));
    std::iota(ids.begin(), ids.end(), 0);
  }
  Result<probe::SourceReading> reading = co_await read_first(ids, known_ids, result);
  if (reading) {
    result.inventory.devices = std::move(reading->devices);
    result.problems.merge(reading->problems);
    co_await compare(result.inventory, sources_.hccn_conf, result.problems);
    co_await compare(result.inventory, sources_.static_file, result.problems);
  } else {
    for (const int id : ids.empty() ? known_ids : ids) {
      npu::Device device;
      device.id = id;
      result.inventory.devices.push_back(device);
    }
  }
  if (result.inventory.devices.empty()) {
    std::string why;
    for (const auto& [subject, problem] : result.problems) why += (why.empty() ? "" : "; ") + problem;
    co_return Error{Code::kUnavailable, "no NPUs are known on this node: " + why};
  }
  result.inventory.resource = resource_;
  const Result<npu::Inventory> readable = npu::parse_inventory(npu::format_inventory(result.inventory));
  if (!readable) co_return readable.error().with_context("what was read makes no valid annotation");
  co_return result;
}

}  // namespace pd::agent
