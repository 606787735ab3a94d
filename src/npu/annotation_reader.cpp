#include "npu/annotation_reader.h"

#include <algorithm>
#include <limits>

namespace pd::npu {
namespace {

constexpr JsonLimits kLimits{.bytes = kAnnotationBytes, .depth = 8, .string_bytes = 1024};

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter_or_digit(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

// Letters or digits at both ends, and `inner` characters besides between them.
template <typename IsPlain>
bool is_name(std::string_view text, std::size_t most, std::string_view inner, IsPlain is_plain) {
  if (text.empty() || text.size() > most || !is_plain(text.front()) || !is_plain(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_plain(c) || inner.find(c) != std::string_view::npos; });
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// The integer when it lies in 0..highest, however the parser stored it.
std::optional<std::int64_t> in_range(const Json& value, std::int64_t highest) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return std::nullopt;
  }
  const std::int64_t number = value.get<std::int64_t>();
  if (number < 0 || number > highest) return std::nullopt;
  return number;
}

}  // namespace

Json AnnotationReader::read(std::string_view text) {
  Result<Json> document = parse_json(text, kLimits);
  if (!document) {
    error_ = document.error().with_context(annotation_);
    return Json::object();
  }
  if (!document->is_object()) {
    fail("", "it should be a JSON object and is " + shown(*document));
    return Json::object();
  }
  const auto version = document->find("v");
  if (version == document->end()) {
    fail("/v", "the version is missing; it should be 1");
  } else if (!version->is_number_integer() || *version != 1) {
    fail("/v", "the version is " + shown(*version) + ", and only 1 is understood");
  }
  return *std::move(document);
}

void AnnotationReader::fail(const std::string& pointer, const std::string& problem) {
  if (!error_) error_ = invalid(annotation_ + " at " + (pointer.empty() ? "/" : pointer) + ": " + problem);
}

std::string AnnotationReader::text(const Json& object, const std::string& pointer, std::string_view key,
                                   std::size_t most) {
  const auto member = object.find(key);
  if (member == object.end()) return {};
  const std::string place = pointer + "/" + std::string(key);
  if (!member->is_string()) {
    fail(place, "it is " + shown(*member) + " and should be a string");
    return {};
  }
  const std::string& value = member->get_ref<const std::string&>();
  if (value.size() <= most && is_printable(value)) return value;
  fail(place, shown(value) + " should be at most " + std::to_string(most) + " printable characters");
  return {};
}

std::optional<std::int64_t> AnnotationReader::number(const Json& object, const std::string& pointer,
                                                     std::string_view key, std::int64_t highest) {
  const auto member = object.find(key);
  if (member == object.end()) return std::nullopt;
  const std::optional<std::int64_t> value = in_range(*member, highest);
  if (!value) {
    fail(pointer + "/" + std::string(key),
         "it is " + shown(*member) + " and should be an integer from 0 to " + std::to_string(highest));
  }
  return value;
}

const Json* AnnotationReader::list(const Json& object, const std::string& pointer, std::string_view key,
                                   std::size_t most) {
  const std::string place = pointer + "/" + std::string(key);
  const auto member = object.find(key);
  if (member == object.end() || !member->is_array()) {
    fail(place, "it should be a list");
    return nullptr;
  }
  if (member->size() > most) {
    fail(place,
         "it has " + std::to_string(member->size()) + " entries; at most " + std::to_string(most) + " are allowed");
    return nullptr;
  }
  return &*member;
}

int AnnotationReader::device_id(const Json& value, const std::string& pointer) {
  const std::optional<std::int64_t> id = in_range(value, kHighestDeviceId);
  if (id) return static_cast<int>(*id);
  fail(pointer,
       "the device id is " + shown(value) + " and should be an integer from 0 to " + std::to_string(kHighestDeviceId));
  return 0;
}

bool is_dns_label(std::string_view text) { return is_name(text, 63, "-", is_lower_or_digit); }

bool is_dns_subdomain(std::string_view text) {
  if (text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_name(text.substr(0, dot), 253, "-", is_lower_or_digit)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_uid(std::string_view text) { return is_name(text, 64, "-", is_letter_or_digit); }

bool is_resource_name(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_name(text, 63, "-_.", is_letter_or_digit);
  return is_dns_subdomain(text.substr(0, slash)) && is_name(text.substr(slash + 1), 63, "-_.", is_letter_or_digit);
}

}  // namespace pd::npu
