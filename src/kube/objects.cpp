#include "kube/objects.h"

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

}  // namespace pd::kube
