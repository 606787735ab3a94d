// Files read within a limit. Nothing is cached: a path is opened each time, so that atomic swaps of mounted volumes are
// seen. Thread: blocking; for small local files.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace pd {

// The whole content. Errors: kNotFound; kInvalid for what is larger than `limit` bytes or not a regular file;
// kForbidden; kInternal. Each names the path.
Result<std::string> read_file(const std::string& path, std::size_t limit = std::size_t{1} << 20);

}  // namespace pd
