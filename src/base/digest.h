// Content digests, as status and annotations carry them.
#pragma once

#include <string>
#include <string_view>

namespace pd {

// "sha256:" and 64 hexadecimal digits.
std::string sha256(std::string_view content);

}  // namespace pd
