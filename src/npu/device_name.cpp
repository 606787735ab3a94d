#include <algorithm>
#include <charconv>

#include "npu/annotation_reader.h"
#include "npu/inventory.h"

namespace pd::npu {
namespace {

constexpr std::string_view kDavinci = "davinci";

// The digits after "davinci" or after a model's one "-"; a vNPU has more parts ("Ascend910-2c-100-1": template, id,
// NPU).
std::string_view id_digits(std::string_view name) {
  if (name.starts_with(kDavinci)) return name.substr(kDavinci.size());
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos) return name;
  const std::string_view model = name.substr(0, dash);
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (model.empty() || !is_letter(model.front())) return {};
  const bool plain = std::all_of(model.begin(), model.end(), [&](char c) { return is_letter(c) || is_digit(c); });
  return plain ? name.substr(dash + 1) : std::string_view();
}

}  // namespace

Result<int> device_id_of(std::string_view plugin_device) {
  const std::string_view digits = id_digits(plugin_device);
  int id = -1;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  const bool whole = problem == std::errc() && end == digits.data() + digits.size();
  const bool canonical = digits.size() == 1 || !digits.starts_with('0');
  if (whole && canonical && id >= 0 && id <= kHighestDeviceId) return id;
  return invalid("the device name " + shown(std::string(plugin_device)) +
                 " is not that of a whole NPU, such as Ascend910-4 or davinci4");
}

}  // namespace pd::npu
