// The arguments of pd-gate.
// Thread: once, at start.
#pragma once

#include <string>
#include <variant>

#include "gate/ready.h"
#include "gate/wait.h"
#include "gate/watch.h"

namespace pd::gate {

// Nothing to run: what was asked for is printed already (help), or what was wrong.
struct Exit {
  int code = 0;
};

using Command = std::variant<Exit, WaitOptions, WatchOptions, ReadyOptions>;

// Exit code 2 for arguments that can't be understood.
Command parse_command_line(int argc, const char* const* argv, const std::string& version);

}  // namespace pd::gate
