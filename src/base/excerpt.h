// Bytes from outside in a message for a person.
// Thread: a pure function.
#pragma once

#include <string>
#include <string_view>

namespace pd {

// What a person may see of bytes from outside: the printable ones, and not many.
std::string excerpt(std::string_view bytes);

}  // namespace pd
