// The word that somebody may have meant.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pd::cli {

// The known word that is spelled most like `word`; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

// "; did you mean gen?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace pd::cli
