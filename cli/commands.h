// The sub-commands with their options and help texts, as CLI11 has them.
// Thread: at start.
#pragma once

#include <functional>
#include <string>

#include "cli/answer.h"
#include "cli/cluster/status.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace pd::cli {

// Which pdctl this is. One that runs on any Linux (cli/any_linux) is linked without what reads a cluster.
struct Edition {
  std::string version;
  std::function<Answer(const StatusRequest&, Format, const std::string& version, const Streams&)> status = {};
};

// What a command line asks for.
struct Invocation {
  std::function<Answer()> command;
  std::string format = "table";
};

// When `app` has parsed, the invocation's command is set. All must live while it runs.
void declare_commands(CLI::App& app, Invocation& invocation, const Edition& edition, const Streams& streams);

}  // namespace pd::cli
