// One logger for a program: lines of JSON on stderr, or plain text for people. spdlog carries it; its pattern formatter
// does not escape, so the JSON is made here.
//
//   log::init({.program = "pd-agent", .json = true});
//   log::info("Published the inventory", {{"devices", "8"}});
//
// Thread: init() once in main before the first line; the rest from any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace pd::log {

enum class Level { kDebug, kInfo, kWarning, kError, kNone };

struct Options {
  std::string program;
  bool json = true;
  Level level = Level::kInfo;
};

using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

void init(const Options& options);
void write(Level level, std::string_view message, Fields fields);

inline void debug(std::string_view message, Fields fields = {}) { write(Level::kDebug, message, fields); }
inline void info(std::string_view message, Fields fields = {}) { write(Level::kInfo, message, fields); }
inline void warn(std::string_view message, Fields fields = {}) { write(Level::kWarning, message, fields); }
inline void error(std::string_view message, Fields fields = {}) { write(Level::kError, message, fields); }

}  // namespace pd::log
