// From the words of a command line to an exit status: what main() and the tests call.
// Thread: blocking; nothing global but the files that a command reads and writes.
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"

namespace pd::cli {

// `words`: the program's name first.
int run(const std::vector<std::string>& words, const Streams& streams, const Edition& edition);

}  // namespace pd::cli
