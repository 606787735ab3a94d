// The words of a command line against what is declared, before CLI11 sees them: it takes "[4,5]" for a list, the next
// flag for a missing value, and complains of a forgotten argument before it tells of a flag that it does not know.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace pd::cli {

// Null where there is none of that name.
const CLI::App* find_command(const CLI::App& app, const std::string& name);

// `words`: the program's name first, then the command.
Status check_words(const CLI::App& app, const std::vector<std::string>& words);

// `pdctl help gen` as `pdctl gen --help`.
std::vector<std::string> with_help_as_flag(std::vector<std::string> words);

}  // namespace pd::cli
