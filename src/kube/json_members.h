// Reading members of a JSON object that may be missing or of another type: the value, or a given one instead. Used by
// decoders of what the API server has already checked against a schema. Thread: pure functions.
#pragma once

#include <limits>
#include <string>

#include "base/json.h"

namespace pd::kube {

inline const Json& object_member(const Json& object, const char* key) {
  static const Json empty = Json::object();
  if (!object.is_object()) return empty;
  const auto found = object.find(key);
  return found == object.end() || !found->is_object() ? empty : *found;
}

inline const Json& array_member(const Json& object, const char* key) {
  static const Json empty = Json::array();
  if (!object.is_object()) return empty;
  const auto found = object.find(key);
  return found == object.end() || !found->is_array() ? empty : *found;
}

inline std::string text_member(const Json& object, const char* key, std::string otherwise = {}) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? otherwise : found->get<std::string>();
}

inline std::int64_t integer_member(const Json& object, const char* key, std::int64_t otherwise) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(key);
  return found == object.end() || !found->is_number_integer() ? otherwise : found->get<std::int64_t>();
}

inline int small_member(const Json& object, const char* key, int otherwise) {
  const std::int64_t value = integer_member(object, key, otherwise);
  const bool fits = value >= std::numeric_limits<int>::min() && value <= std::numeric_limits<int>::max();
  return fits ? static_cast<int>(value) : otherwise;
}

inline bool boolean_member(const Json& object, const char* key, bool otherwise) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(key);
  return found == object.end() || !found->is_boolean() ? otherwise : found->get<bool>();
}

}  // namespace pd::kube
