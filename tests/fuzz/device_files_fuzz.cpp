// What others write about a node's devices in JSON: mind-cluster's annotations of the Node, and the file of addresses
// that a person keeps.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "daemonset/sources/node_annotation.h"
#include "daemonset/sources/static_file.h"
#include "tests/fuzz/check_reading.h"

namespace pd::agent {
namespace {

using fuzz::require;

void check_annotation(std::string_view infos, std::string_view super_pod) {
  const Result<probe::SourceReading> reading = parse_base_device_infos(infos, super_pod);
  fuzz::check_reading(reading);
  if (!reading) return;
  for (const npu::Device& device : reading->devices) {
    require(device.super_pod_id == reading->devices.front().super_pod_id, "a node is in one super pod");
    require(device.super_device_id.value_or(0) >= 0 && device.super_pod_id.value_or(0) >= 0, "ids are not negative");
  }
}

void check(std::string_view text) {
  fuzz::check_reading(parse_static_file(text));
  check_annotation(text, text);
  check_annotation(R"({"Ascend910-0":{"IP":"29.81.18.100","SuperDeviceID":7}})", text);
}

}  // namespace
}  // namespace pd::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::agent::check(pd::fuzz::text_of(data, size));
  return 0;
}
