// The spelling of the Python script that pdctl replaces: `--mode gen` for the sub-command gen. Understood at pdctl's
// own name, and the only one where the program is called by the script's name. Thread: pure functions.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pd::cli {

inline constexpr std::string_view kModeFlag = "--mode";
inline constexpr std::array<std::string_view, 4> kModes = {"gen", "merge", "merge-local", "merge-all"};

// What `--help` shows where the program is called by the script's name; empty when these words don't ask for it.
std::vector<std::string> scripts_help(const std::vector<std::string>& words);

// The words of a command line (the program's name first), with the sub-command in the second place where --mode names
// it. An error for a mode that there is not, or none where one is needed.
Result<std::vector<std::string>> with_mode_as_command(std::vector<std::string> words);

}  // namespace pd::cli
