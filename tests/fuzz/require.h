// What a fuzz target says when something that should hold does not: one line, then it ends, so that libFuzzer keeps the
// input. Thread: for fuzz targets.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace pd::fuzz {

inline void require(bool holds, std::string_view property, std::string_view about = {}) {
  if (holds) return;
  const std::string shown = Json(about).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  std::fprintf(stderr, "does not hold: %.*s: %s\n", static_cast<int>(property.size()), property.data(), shown.c_str());
  std::abort();
}

// No control character, neither ASCII's nor those of U+0080..9F: nothing that could steer a terminal.
inline bool is_showable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

// What a person is told has words, and only such as can be shown.
inline void require_message(const Error& error) {
  require(!error.message.empty(), "an error says what is wrong");
  require(is_showable(error.message), "an error can be shown", error.message);
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace pd::fuzz
