#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "npu/annotation_reader.h"
#include "npu/inventory.h"

namespace pd::npu {
namespace {

constexpr std::size_t kNameLength = 253;
constexpr std::size_t kWordLength = 16;

// The order of the annotation, so that the same content is always the same text.
std::vector<PodDevices> canonical(std::vector<PodDevices> pods) {
  for (PodDevices& pod : pods) std::sort(pod.devices.begin(), pod.devices.end());
  std::stable_sort(pods.begin(), pods.end(), [](const PodDevices& a, const PodDevices& b) {
    return std::tie(a.pod_namespace, a.name, a.uid) < std::tie(b.pod_namespace, b.name, b.uid);
  });
  return pods;
}

// A name that must be there and be one.
std::string read_name(AnnotationReader& reader, const Json& json, const std::string& pointer, std::string_view key,
                      bool (*is_valid)(std::string_view)) {
  std::string name = reader.text(json, pointer, key, kNameLength);
  if (!is_valid(name)) {
    reader.fail(pointer + "/" + std::string(key), shown(name) + " should be a pod's " + std::string(key));
  }
  return name;
}

// Whose each device is: an id can't be in two pods, nor twice in one.
using Owners = std::map<int, std::string>;

PodDevices read_pod(AnnotationReader& reader, const Json& json, const std::string& pointer, Owners& owners) {
  PodDevices pod;
  if (!json.is_object()) {
    reader.fail(pointer, "a pod should be an object and is " + shown(json));
    return pod;
  }
  pod.pod_namespace = read_name(reader, json, pointer, "namespace", is_dns_label);
  pod.name = read_name(reader, json, pointer, "name", is_dns_subdomain);
  pod.uid = read_name(reader, json, pointer, "uid", is_uid);
  const Json* devices = reader.list(json, pointer, "devices", kMostDevices);
  if (devices == nullptr) return pod;
  for (std::size_t i = 0; i < devices->size() && reader.ok(); ++i) {
    const std::string place = pointer + "/devices/" + std::to_string(i);
    const int id = reader.device_id((*devices)[i], place);
    const auto [owner, is_new] = owners.emplace(id, pod.pod_namespace + "/" + pod.name);
    if (!is_new)
      reader.fail(place, "the device " + std::to_string(id) + " is already listed for the pod " + owner->second);
    pod.devices.push_back(id);
  }
  return pod;
}

void read_pods(AnnotationReader& reader, const Json& document, std::vector<PodDevices>& pods) {
  const Json* list = reader.list(document, "", "pods", kMostPods);
  if (list == nullptr) return;
  Owners owners;
  std::set<std::string> uids;
  for (std::size_t i = 0; i < list->size() && reader.ok(); ++i) {
    const std::string pointer = "/pods/" + std::to_string(i);
    pods.push_back(read_pod(reader, (*list)[i], pointer, owners));
    if (!uids.insert(pods.back().uid).second) reader.fail(pointer + "/uid", "the uid occurs twice");
  }
}

}  // namespace

std::string_view to_string(Ids ids) {
  switch (ids) {
    case Ids::kReal:
      return "real";
    case Ids::kRemapped:
      return "remapped";
    case Ids::kUnknown:
      break;
  }
  return "unknown";
}

std::optional<Ids> parse_ids(std::string_view text) {
  for (const Ids ids : {Ids::kReal, Ids::kRemapped, Ids::kUnknown}) {
    if (text == to_string(ids)) return ids;
  }
  return std::nullopt;
}

std::string format_allocations(const Allocations& allocations) {
  OrderedJson json = {{"v", 1}, {"ids", to_string(allocations.ids)}, {"pods", OrderedJson::array()}};
  for (const PodDevices& pod : canonical(allocations.pods)) {
    json["pods"].push_back(
        OrderedJson{{"namespace", pod.pod_namespace}, {"name", pod.name}, {"uid", pod.uid}, {"devices", pod.devices}});
  }
  return dump_json(json);
}

Result<Allocations> parse_allocations(std::string_view text) {
  AnnotationReader reader(kAllocationsAnnotation);
  const Json document = reader.read(text);
  if (!reader.ok()) return reader.error();
  Allocations allocations;
  const std::string ids = reader.text(document, "", "ids", kWordLength);
  const std::optional<Ids> known = parse_ids(ids);
  if (!known) reader.fail("/ids", shown(ids) + " should be \"real\", \"remapped\" or \"unknown\"");
  allocations.ids = known.value_or(Ids::kReal);
  read_pods(reader, document, allocations.pods);
  if (!reader.ok()) return reader.error();
  allocations.pods = canonical(std::move(allocations.pods));
  return allocations;
}

}  // namespace pd::npu
