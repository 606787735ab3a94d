// The spelling of the Python script that pdctl replaces: `--mode gen` for the sub-command gen. Understood at pdctl's
// own name, and the only one where the program is called by the script's name. Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace pd::cli {

// The words of a command line (the program's name first), with the sub-command in the second place where --mode names
// it. An error for a mode that there is not, or none where one is needed.
Result<std::vector<std::string>> with_mode_as_command(std::vector<std::string> words);

}  // namespace pd::cli
