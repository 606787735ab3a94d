#include "kube/objects.h"

#include <array>
#include <cstdio>

namespace pd::kube {
namespace {

const std::string& text_of(const TextMap& texts, std::string_view key) {
  static const std::string none;
  const auto found = texts.find(key);
  return found == texts.end() ? none : found->second.str();
}

}  // namespace

const std::string& ObjectMeta::label(std::string_view key) const { return text_of(labels, key); }

const std::string& ObjectMeta::annotation(std::string_view key) const { return text_of(annotations, key); }

std::string format_micro_time(WallTime time, std::chrono::microseconds fraction) {
  const std::string seconds = format_rfc3339(time);
  std::array<char, 16> rest{};
  std::snprintf(rest.data(), rest.size(), ".%06dZ", static_cast<int>(fraction.count() % 1'000'000));
  return seconds.substr(0, seconds.size() - 1) + rest.data();
}

}  // namespace pd::kube
