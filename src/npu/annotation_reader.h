// Reads one annotation's JSON member by member. The first thing that is wrong is kept, with its place as a JSON
// pointer, and the readers answer with an empty value from then on: the codec asks once, at the end. Thread: a value of
// one parse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace pd::npu {

inline constexpr std::size_t kAnnotationBytes = std::size_t{256}
                                                << 10;  // Kubernetes allows no more for all annotations
inline constexpr std::size_t kMostDevices = 64;
inline constexpr std::size_t kMostPods = 1024;
inline constexpr int kHighestDeviceId = 255;

class AnnotationReader {
 public:
  explicit AnnotationReader(std::string_view annotation) : annotation_(annotation) {}

  // The document, when it is an object of version 1.
  Json read(std::string_view text);

  bool ok() const { return !error_; }
  const Error& error() const { return *error_; }
  void fail(const std::string& pointer, const std::string& problem);

  // A member that may be missing: then the answer is empty.
  std::string text(const Json& object, const std::string& pointer, std::string_view key, std::size_t most);
  std::optional<std::int64_t> number(const Json& object, const std::string& pointer, std::string_view key,
                                     std::int64_t highest);
  // A list that must be there and has no more than `most` entries; null otherwise.
  const Json* list(const Json& object, const std::string& pointer, std::string_view key, std::size_t most);

  // One entry of a list of device ids.
  int device_id(const Json& value, const std::string& pointer);

 private:
  std::string annotation_;
  std::optional<Error> error_;
};

// What Kubernetes takes for these; an empty text is none.
bool is_dns_label(std::string_view text);
bool is_dns_subdomain(std::string_view text);
bool is_uid(std::string_view text);
bool is_resource_name(std::string_view text);

}  // namespace pd::npu
