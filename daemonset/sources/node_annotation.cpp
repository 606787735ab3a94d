#include "daemonset/sources/node_annotation.h"

#include <algorithm>

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
    problems[subject] =
        std::string(kBaseDeviceInfos) + " says " + excerpt(ip) + ", which is not an address that peers could reach";
  } else if (address_family(ip) == AddressFamily::kIPv6) {
    device.ipv6 = ip;
  } else {
    device.ip = ip;
  }
}

}  // namespace

Result<probe::SourceReading> parse_base_device_infos(std::string_view text) {
  const Result<Json> document = parse_json(text);
  if (!document) return document.error().with_context(kBaseDeviceInfos);
  if (!document->is_object() || document->empty()) {
    return invalid("it is not an object that names devices").with_context(kBaseDeviceInfos);
  }
  probe::SourceReading reading;
  for (const auto& [name, info] : document->items()) {
    const Result<int> id = npu::device_id_of(name);
    if (!id) return id.error().with_context(kBaseDeviceInfos);
    npu::Device device;
    device.id = *id;
    take_address(kube::text_member(info, "IP"), device, reading.problems);
    const std::int64_t super_device = kube::integer_member(info, "SuperDeviceID", -1);
    if (super_device >= 0) device.super_device_id = super_device;
    reading.devices.push_back(std::move(device));
  }
  const auto by_id = [](const npu::Device& a, const npu::Device& b) { return a.id < b.id; };
  std::sort(reading.devices.begin(), reading.devices.end(), by_id);
  const auto same = [](const npu::Device& a, const npu::Device& b) { return a.id == b.id; };
  if (std::adjacent_find(reading.devices.begin(), reading.devices.end(), same) != reading.devices.end()) {
    return invalid("it names a device twice").with_context(kBaseDeviceInfos);
  }
  return reading;
}

bool NodeAnnotation::learn(const Annotations& of_the_node) {
  const auto found = of_the_node.find(kBaseDeviceInfos);
  std::string now = found == of_the_node.end() ? "" : found->second;
  return std::exchange(text_, now) != now;
}

asio::awaitable<Result<probe::SourceReading>> NodeAnnotation::read(std::vector<int> ids) {
  if (text_.empty()) {
    co_return Error{Code::kNotFound, std::string("the Node has no annotation ") + kBaseDeviceInfos};
  }
  Result<probe::SourceReading> reading = parse_base_device_infos(text_);
  if (!reading || ids.empty()) co_return reading;
  co_return probe::restrict_to(std::move(*reading), ids, kBaseDeviceInfos);
}

}  // namespace pd::agent
