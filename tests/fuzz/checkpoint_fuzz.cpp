// Kubelet's checkpoint: refused with words, or entries of names and devices in order. Chance does not find a checksum,
// so what fails for it alone is given the right one.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "daemonset/sources/checkpoint.h"
#include "tests/fuzz/require.h"

namespace pd::agent {
namespace {

using fuzz::require;

void check_names(const CheckpointEntry& entry) {
  for (const std::string& name : {entry.pod_uid, entry.container, entry.resource}) {
    require(!name.empty() && fuzz::is_showable(name), "a name is one", name);
  }
  const auto unordered = std::adjacent_find(entry.devices.begin(), entry.devices.end(), std::greater_equal<>());
  require(unordered == entry.devices.end(), "devices are in order, each once");
}

bool check_parsed(const Result<Checkpoint>& checkpoint) {
  if (!checkpoint) {
    fuzz::require_message(checkpoint.error());
    return false;
  }
  for (const CheckpointEntry& entry : checkpoint->entries) check_names(entry);
  return true;
}

void check(std::string_view text) {
  if (check_parsed(parse_checkpoint(text))) return;
  Result<Json> document = parse_json(text);
  if (!document || !document->is_object() || !document->contains("Data")) return;
  const std::optional<std::uint32_t> checksum = checkpoint_checksum((*document)["Data"]);
  if (!checksum) return;
  (*document)["Checksum"] = *checksum;
  const Result<Checkpoint> mended = parse_checkpoint(dump_json(*document));
  if (!check_parsed(mended)) {
    require(!mended.error().message.starts_with("/Checksum:"), "the checksum is right", mended.error().message);
    return;
  }
  require(mended->verified, "a right checksum was verified");
}

}  // namespace
}  // namespace pd::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::agent::check(pd::fuzz::text_of(data, size));
  return 0;
}
