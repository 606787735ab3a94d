// A table that is already in the place of a new one: whether the new one may take it.
// Thread: blocking; for small local files.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/table_files.h"

namespace pd::cli {

// The error says what would be lost, and what to do.
Status check_replaced(const TableFile& file, const std::string& path);

}  // namespace pd::cli
