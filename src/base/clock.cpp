#include "base/clock.h"

#include <array>
#include <ctime>

namespace pd {
namespace {

// Takes fixed parts off the front of a text; once something did not fit, all else fails too.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  int number(std::size_t digits, int low, int high) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + digit();
    if (value < low || value > high) failed_ = true;
    return value;
  }
  bool take(char wanted) {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) failed_ = true;
  }
  void skip_fraction() {
    if (!take('.')) return;
    digit();
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') text_.remove_prefix(1);
  }
  bool complete() const { return !failed_ && text_.empty(); }

 private:
  int digit() {
    const char first = text_.empty() ? '\0' : text_.front();
    if (first < '0' || first > '9') {
      failed_ = true;
      return 0;
    }
    text_.remove_prefix(1);
    return first - '0';
  }

  std::string_view text_;
  bool failed_ = false;
};

int read_offset_minutes(Reader& reader) {
  const bool west = reader.take('-');
  if (!west && !reader.take('+')) {
    reader.expect('Z');
    return 0;
  }
  const int hours = reader.number(2, 0, 23);
  reader.expect(':');
  const int minutes = hours * 60 + reader.number(2, 0, 59);
  return west ? -minutes : minutes;
}

}  // namespace

// Not by way of system_clock: its nanoseconds end in the year 2262, and the text may come from anybody.
std::string format_rfc3339(WallTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  namespace chrono = std::chrono;
  Reader reader(text);
  const int year = reader.number(4, 0, 9999);
  reader.expect('-');
  const int month = reader.number(2, 1, 12);
  reader.expect('-');
  const int day = reader.number(2, 1, 31);
  reader.expect('T');
  const int hour = reader.number(2, 0, 23);
  reader.expect(':');
  const int minute = reader.number(2, 0, 59);
  reader.expect(':');
  const int second = reader.number(2, 0, 60);  // a leap second
  reader.skip_fraction();
  const int offset = read_offset_minutes(reader);
  const chrono::year_month_day date(chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day)));
  if (!reader.complete() || !date.ok())
    return invalid("not an RFC 3339 time: \"" + std::string(text.substr(0, 64)) + "\"");
  const chrono::seconds days = chrono::sys_days(date).time_since_epoch();
  return WallTime(days + chrono::hours(hour) + chrono::minutes(minute - offset) + chrono::seconds(second));
}

}  // namespace pd
