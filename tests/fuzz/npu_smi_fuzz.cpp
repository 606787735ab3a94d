// The answers of npu-smi: its table of devices, and what it says of a super pod.
#include <cstddef>
#include <cstdint>
#include <limits>

#include "probe/npu_smi.h"
#include "tests/fuzz/require.h"

namespace pd::probe {
namespace {

using fuzz::require;

void check_id(std::optional<std::int64_t> id) {
  require(!id || (*id >= 0 && *id < std::numeric_limits<std::uint32_t>::max()), "an id is one");
}

void check(const ProcessResult& result) {
  const Result<std::map<int, NpuPlace>> places = parse_npu_mapping(result);
  if (!places) fuzz::require_message(places.error());
  if (places) {
    require(result.exit_code == 0, "what failed is no table");
    for (const auto& [id, place] : *places) {
      require(id >= 0 && id <= 255, "physical ids are in range");
      require(place.card >= 0 && place.chip.value_or(0) >= 0, "so are cards and chips");
    }
  }
  const Result<SuperPodIds> ids = parse_spod_info(result);
  if (!ids) return fuzz::require_message(ids.error());
  check_id(ids->device);
  check_id(ids->pod);
}

}  // namespace
}  // namespace pd::probe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  for (const int exit_code : {0, 1, 127}) pd::probe::check({exit_code, std::string(pd::fuzz::text_of(data, size))});
  return 0;
}
