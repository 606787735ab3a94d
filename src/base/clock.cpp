#include "base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace pd {

std::string format_rfc3339(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  const Error bad = invalid("not an RFC 3339 time: \"" + std::string(text.substr(0, 64)) + "\"");
  const std::string copy(text.substr(0, 64));
  std::tm parts{};
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return bad;
  if (*rest == '.') {
    ++rest;
    while (*rest >= '0' && *rest <= '9') ++rest;
  }
  int offset_minutes = 0;
  if (*rest == '+' || *rest == '-') {
    int hours = 0;
    int minutes = 0;
    if (std::sscanf(rest + 1, "%2d:%2d", &hours, &minutes) != 2) return bad;
    offset_minutes = (*rest == '-' ? -1 : 1) * (hours * 60 + minutes);
  } else if (*rest != 'Z' || rest[1] != '\0') {
    return bad;
  }
  const std::time_t seconds = timegm(&parts) - offset_minutes * 60;
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::from_time_t(seconds));
}

}  // namespace pd
