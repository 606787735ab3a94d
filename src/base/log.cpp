#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "base/json.h"

namespace pd::log {
namespace {

struct State {
  Options options;
  std::shared_ptr<spdlog::logger> logger;
};

State& state() {
  static State instance = [] {
    State made;
    made.options.json = false;
    made.logger = spdlog::stderr_logger_mt("pd");
    made.logger->set_pattern("%v");
    return made;
  }();
  return instance;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warn";
    case Level::kNone:
    case Level::kError:
      return "error";
  }
  return "error";
}

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(now);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count() % 1000;
  std::string text = format_rfc3339(seconds);
  text.pop_back();
  const std::string digits = std::to_string(millis);
  return text + "." + std::string(3 - std::min<std::size_t>(3, digits.size()), '0') + digits + "Z";
}

}  // namespace

void init(const Options& options) {
  State& s = state();
  s.options = options;
  s.logger->set_level(spdlog::level::trace);
  s.logger->flush_on(spdlog::level::trace);
}

void write(Level level, std::string_view message, Fields fields) {
  State& s = state();
  if (level < s.options.level) return;
  std::string line;
  if (s.options.json) {
    OrderedJson object;
    object["level"] = name_of(level);
    object["ts"] = timestamp();
    object["logger"] = s.options.program;
    object["msg"] = message;
    for (const auto& [key, value] : fields) object[std::string(key)] = value;
    line = dump_json(object);
  } else {
    line = timestamp() + " " + std::string(name_of(level)) + " " + std::string(message);
    std::replace(line.begin(), line.end(), '\n', ' ');  // what others say must not look like lines of ours
    for (const auto& [key, value] : fields) {
      line += " " + std::string(key) + "=" + dump_json(Json(value));
    }
  }
  s.logger->log(level == Level::kError ? spdlog::level::err : spdlog::level::info, "{}", line);
}

}  // namespace pd::log
