// Bytes from outside in a message for a person.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace pd {

// What a person may see of bytes from outside: the printable ones, and not many.
std::string excerpt(std::string_view bytes);

// The beginning of a text, not longer than so many bytes, and never a part of a character.
std::string cut(std::string text, std::size_t most);

}  // namespace pd
