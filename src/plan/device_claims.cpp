#include "plan/device_claims.h"

#include <array>
#include <charconv>
#include <set>

#include "base/json.h"
#include "npu/inventory.h"

namespace pd::plan {
namespace {

constexpr const char* kKubeletDevices = "huawei.com/kltDev";
constexpr const char* kRealDevices = "huawei.com/AscendReal";
constexpr std::size_t kMostDevices = 64;
constexpr JsonLimits kLimits{.bytes = std::size_t{64} << 10, .depth = 8, .string_bytes = 4096};

using Ids = Result<std::set<int>>;

Error wrong(const std::string& what) { return {Code::kInvalid, what}; }

// "Ascend910-4,Ascend910-5"
Ids ids_of_names(const std::string& text) {
  std::set<int> ids;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const Result<int> id = npu::device_id_of(std::string_view(text).substr(at, end - at));
    if (!id) return id.error();
    if (!ids.insert(*id).second) return wrong("the device " + std::to_string(*id) + " occurs twice");
    if (ids.size() > kMostDevices) return wrong("it names more than " + std::to_string(kMostDevices) + " devices");
    at = end + 1;
  }
  return ids;
}

Result<int> id_of(const Json& device, const std::string& place) {
  const Json id = device.is_object() ? device.value("device_id", Json()) : Json();
  Result<int> number = npu::device_id_of(id.is_number_unsigned() ? id.dump()
                                         : id.is_string()        ? id.get<std::string>()
                                                                 : "");
  if (!number) return wrong(place + "/device_id: " + shown(id) + " is no NPU's number");
  return number;
}

Ids ids_in_list(const std::string& text, const char* member) {
  const Result<Json> document = parse_json(text, kLimits);
  if (!document) return document.error();
  const auto found = document->is_object() ? document->find(member) : document->end();
  if (!document->is_object() || found == document->end() || !found->is_array())
    return wrong(std::string("/") + member + ": there is no such list");
  if (found->size() > kMostDevices)
    return wrong(std::string("/") + member + ": it is longer than " + std::to_string(kMostDevices));
  std::set<int> ids;
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string place = std::string("/") + member + "/" + std::to_string(i);
    const Result<int> id = id_of((*found)[i], place);
    if (!id) return id.error();
    if (!ids.insert(*id).second) return wrong(place + ": the device " + std::to_string(*id) + " occurs twice");
  }
  return ids;
}

Ids ids_of_devices(const std::string& text) { return ids_in_list(text, "devices"); }
Ids ids_of_rank_table(const std::string& text) { return ids_in_list(text, "device"); }

struct Source {
  const char* annotation;
  Ids (*read)(const std::string& text);
};

constexpr std::array<Source, 4> kSources = {{
    {"ascend.kubectl.kubernetes.io/ascend-910-configuration", ids_of_devices},
    {"cce.kubectl.kubernetes.io/ascend-1980-configuration", ids_of_devices},
    {kRealDevices, ids_of_names},
    {"cce.kubectl.kubernetes.io/ascend-rank-table", ids_of_rank_table},
}};

}  // namespace

Result<std::optional<DeviceClaim>> read_claim(const kube::ObjectMeta& pod) {
  for (const Source& source : kSources) {
    const std::string text = pod.annotation(source.annotation);
    if (text.empty()) continue;
    const Ids ids = source.read(text);
    if (!ids) return ids.error().with_context(std::string("its annotation ") + source.annotation);
    return std::optional(DeviceClaim{source.annotation, {ids->begin(), ids->end()}});
  }
  return std::optional<DeviceClaim>();
}

bool is_remapped_by_annotation(const kube::ObjectMeta& pod) {
  const std::string chosen = pod.annotation(kKubeletDevices);
  const std::string real = pod.annotation(kRealDevices);
  if (chosen.empty() || real.empty()) return false;
  const Ids by_kubelet = ids_of_names(chosen);
  const Ids by_plugin = ids_of_names(real);
  return by_kubelet && by_plugin && *by_kubelet != *by_plugin;
}

}  // namespace pd::plan
