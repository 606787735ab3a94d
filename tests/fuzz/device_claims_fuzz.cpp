// What a pod's annotations say of its NPUs: refused with words that name the annotation, or numbers in order, which the
// plainest annotation of the same devices says too.
#include <array>
#include <cstddef>
#include <cstdint>

#include "plan/device_claims.h"
#include "tests/fuzz/require.h"

namespace pd::plan {
namespace {

using fuzz::require;

constexpr const char* kReal = "huawei.com/AscendReal";
constexpr std::array kAnnotations = {"ascend.kubectl.kubernetes.io/ascend-910-configuration",
                                     "cce.kubectl.kubernetes.io/ascend-1980-configuration", kReal,
                                     "cce.kubectl.kubernetes.io/ascend-rank-table"};

Result<std::optional<DeviceClaim>> read(const std::string& annotation, const std::string& text) {
  kube::ObjectMeta pod;
  pod.annotations[annotation] = text;
  return read_claim(pod);
}

std::string names_of(const std::vector<int>& ids) {
  std::string names;
  for (const int id : ids) names.append(names.empty() ? "" : ",").append("Ascend910-").append(std::to_string(id));
  return names;
}

void check_claim(const DeviceClaim& claim, const std::string& annotation) {
  require(claim.annotation == annotation, "a claim names its annotation");
  for (std::size_t i = 0; i < claim.ids.size(); ++i) {
    require(claim.ids[i] >= 0 && claim.ids[i] <= 255 && (i == 0 || claim.ids[i - 1] < claim.ids[i]),
            "device ids are in order and in range");
  }
  if (claim.ids.empty()) return;
  const Result<std::optional<DeviceClaim>> again = read(kReal, names_of(claim.ids));
  require(again.ok() && *again && (*again)->ids == claim.ids, "the same devices by their names are the same");
}

void check(std::string_view input) {
  const std::string text(input);
  for (const char* annotation : kAnnotations) {
    const Result<std::optional<DeviceClaim>> claim = read(annotation, text);
    if (!claim) {
      fuzz::require_message(claim.error());
      require(claim.error().message.find(annotation) != std::string::npos, "an error names the annotation");
      continue;
    }
    require(text.empty() != claim->has_value(), "a claim is there exactly when something is said");
    if (*claim) check_claim(**claim, annotation);
  }
  kube::ObjectMeta pod;
  pod.annotations[kReal] = text;
  pod.annotations["huawei.com/kltDev"] = text;
  require(!is_remapped_by_annotation(pod), "the same devices are not remapped");
}

}  // namespace
}  // namespace pd::plan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::plan::check(pd::fuzz::text_of(data, size));
  return 0;
}
