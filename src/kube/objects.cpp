#include "kube/objects.h"

#include <array>
#include <cstdio>

namespace pd::kube {

const OwnerReference* ObjectMeta::controller() const {
  for (const OwnerReference& owner : owners) {
    if (owner.controller) return &owner;
  }
  return nullptr;
}

std::string ObjectMeta::label(const std::string& key) const {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

std::string ObjectMeta::annotation(const std::string& key) const {
  const auto found = annotations.find(key);
  return found == annotations.end() ? "" : found->second;
}

bool Pod::condition(std::string_view type) const {
  for (const PodCondition& condition : conditions) {
    if (condition.type == type) return condition.status == "True";
  }
  return false;
}

std::string format_micro_time(WallTime time, std::chrono::microseconds fraction) {
  const std::string seconds = format_rfc3339(time);
  std::array<char, 16> rest{};
  std::snprintf(rest.data(), rest.size(), ".%06dZ", static_cast<int>(fraction.count() % 1'000'000));
  return seconds.substr(0, seconds.size() - 1) + rest.data();
}

}  // namespace pd::kube
