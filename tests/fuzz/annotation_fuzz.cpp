// The annotations of a node: refused with words, or a value that is written and read the same again.
#include <cstddef>
#include <cstdint>

#include "npu/inventory.h"
#include "tests/fuzz/require.h"

namespace pd::npu {
namespace {

using fuzz::require;

template <typename Value>
void check(const Result<Value>& parsed, Result<Value> (*parse)(std::string_view), std::string (*format)(const Value&)) {
  if (!parsed) return fuzz::require_message(parsed.error());
  const std::string text = format(*parsed);
  const Result<Value> again = parse(text);
  require(again.ok(), "what is written is read", text);
  require(*again == *parsed, "what is read is what was written", text);
  require(format(*again) == text, "it is written in one way only", text);
}

void check_ids(const std::vector<int>& ids) {
  for (std::size_t i = 0; i < ids.size(); ++i)
    require(ids[i] >= 0 && ids[i] <= 255 && (i == 0 || ids[i - 1] < ids[i]), "device ids are in order and in range");
}

void check(std::string_view text) {
  const Result<Inventory> inventory = parse_inventory(text);
  check(inventory, parse_inventory, format_inventory);
  std::vector<int> ids;
  if (inventory) {
    for (const Device& device : inventory->devices) ids.push_back(device.id);
  }
  check_ids(ids);
  const Result<Allocations> allocations = parse_allocations(text);
  check(allocations, parse_allocations, format_allocations);
  if (allocations) {
    for (const PodDevices& pod : allocations->pods) check_ids(pod.devices);
  }
  const Result<int> id = device_id_of(text);
  if (!id) return fuzz::require_message(id.error());
  check_ids({*id});
}

}  // namespace
}  // namespace pd::npu

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::npu::check(pd::fuzz::text_of(data, size));
  return 0;
}
