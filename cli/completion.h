// `pdctl completion`: a script that makes a shell complete pdctl's words. It is made of the same declaration that
// parses them, so it can't tell of others.
// Thread: pure.
#pragma once

#include <string>

#include "cli/answer.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace pd::cli {

// `shell`: bash or zsh.
Answer completion(const CLI::App& app, const std::string& shell);

}  // namespace pd::cli
