// What a sub-command has to say, and how it is printed: for people, or as JSON or YAML for programs.
// Thread: plain values.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace pd::cli {

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

// The exit statuses of all sub-commands.
inline constexpr int kDone = 0;     // written, valid, the same
inline constexpr int kRefused = 1;  // refused, invalid, different
inline constexpr int kUsage = 2;    // the arguments can't be understood

struct Answer {
  int status = kDone;
  std::vector<std::string> lines = {};       // stdout, for people
  OrderedJson value = {};                    // stdout, for programs: the same; null: there is nothing to say
  std::vector<std::string> complaints = {};  // stderr, in every format: what is wrong, where, what to do
};

Answer refusal(std::string complaint);
Answer refusal(std::vector<std::string> complaints);
Answer usage_error(std::string complaint);

enum class Format { kTable, kJson, kYaml };
Format format_of(std::string_view name);

// `speaker` stands before each complaint: "pdctl gen". Control bytes, which a table or a file's name may hold, reach no
// terminal. False when stdout took not all of it.
bool print(const Answer& answer, Format format, std::string_view speaker, std::ostream& out, std::ostream& err);

// Rows as lines of aligned columns; the first row is the heading.
std::vector<std::string> columns(const std::vector<std::vector<std::string>>& rows);

}  // namespace pd::cli
