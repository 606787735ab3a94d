#include "base/excerpt.h"

namespace pd {

std::string excerpt(std::string_view bytes) {
  constexpr std::size_t kMost = 100;
  std::string text;
  for (const char c : bytes.substr(0, kMost)) text += c >= ' ' && c <= '~' ? c : '?';
  return bytes.size() > kMost ? text + "..." : text;
}

}  // namespace pd
