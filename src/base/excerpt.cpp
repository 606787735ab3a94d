#include "base/excerpt.h"

namespace pd {

std::string excerpt(std::string_view bytes) {
  constexpr std::size_t kMost = 100;
  std::string text;
  for (const char c : bytes.substr(0, kMost)) text += c >= ' ' && c <= '~' ? c : '?';
  return bytes.size() > kMost ? text + "..." : text;
}

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  text.resize(most);
  return text;
}

}  // namespace pd
