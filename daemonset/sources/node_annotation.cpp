#include "daemonset/sources/node_annotation.h"

#include <algorithm>
#include <charconv>

#include "base/address.h"
#include "base/excerpt.h"
#include "base/json.h"
#include "kube/json_members.h"
#include "probe/hccn_conf.h"

namespace pd::agent {
namespace {

void take_address(const std::string& ip, npu::Device& device, probe::Problems& problems) {
  const std::string subject = probe::device_subject(device.id);
  if (ip.empty()) {
    problems[subject] = std::string(kBaseDeviceInfos) + " has no IP of it: look at mind-cluster's device plugin";
  } else if (!is_peer_address(ip)) {
    problems[subject] = std::string(kBaseDeviceInfos) + " says " + excerpt(ip) +
                        ", which is not an address that peers could reach: look at mind-cluster's device plugin";
  } else if (address_family(ip) == AddressFamily::kIPv6) {
    device.ipv6 = ip;
  } else {
    device.ip = ip;
  }
}

std::optional<std::int64_t> super_pod_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::string value_of(const Annotations& annotations, const char* key) {
  const auto found = annotations.find(key);
  return found == annotations.end() ? "" : found->second;
}

}  // namespace

Result<probe::SourceReading> parse_base_device_infos(std::string_view text, std::string_view super_pod) {
  const Result<Json> document = parse_json(text);
  if (!document) return document.error().with_context(kBaseDeviceInfos);
  if (!document->is_object() || document->empty()) {
    return invalid("it is not an object that names devices: look who has written it").with_context(kBaseDeviceInfos);
  }
  probe::SourceReading reading;
  for (const auto& [name, info] : document->items()) {
    const Result<int> id = npu::device_id_of(name);
    if (!id) return id.error().with_context(kBaseDeviceInfos);
    npu::Device device;
    device.id = *id;
    take_address(kube::text_member(info, "IP"), device, reading.problems);
    // Off an A3 the id is there too, and means nothing.
    device.super_pod_id = super_pod_id(super_pod);
    const std::int64_t super_device = kube::integer_member(info, "SuperDeviceID", -1);
    if (super_device >= 0 && device.super_pod_id) device.super_device_id = super_device;
    reading.devices.push_back(std::move(device));
  }
  const auto without_address = [](const npu::Device& device) { return device.ip.empty() && device.ipv6.empty(); };
  if (std::all_of(reading.devices.begin(), reading.devices.end(), without_address)) {
    return invalid("no device in it has an address: look at mind-cluster's device plugin")
        .with_context(kBaseDeviceInfos);
  }
  const auto by_id = [](const npu::Device& a, const npu::Device& b) { return a.id < b.id; };
  std::sort(reading.devices.begin(), reading.devices.end(), by_id);
  const auto same = [](const npu::Device& a, const npu::Device& b) { return a.id == b.id; };
  if (std::adjacent_find(reading.devices.begin(), reading.devices.end(), same) != reading.devices.end()) {
    return invalid("it names a device twice: look who has written it").with_context(kBaseDeviceInfos);
  }
  return reading;
}

bool NodeAnnotation::learn(const Annotations& of_the_node) {
  const std::string text = value_of(of_the_node, kBaseDeviceInfos);
  const std::string super_pod = value_of(of_the_node, kSuperPodId);
  const bool changed = text != text_ || (super_pod != super_pod_ && !text.empty());
  text_ = text;
  super_pod_ = super_pod;
  return changed;
}

asio::awaitable<Result<probe::SourceReading>> NodeAnnotation::read(std::vector<int> ids) {
  if (text_.empty()) {
    co_return Error{Code::kNotFound, std::string("the Node has no annotation ") + kBaseDeviceInfos};
  }
  Result<probe::SourceReading> reading = parse_base_device_infos(text_, super_pod_);
  if (!reading || ids.empty()) co_return reading;
  co_return probe::restrict_to(std::move(*reading), ids, kBaseDeviceInfos);
}

}  // namespace pd::agent
