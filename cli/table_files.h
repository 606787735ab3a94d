// The tables that a command makes, as files: nothing of somebody else's is overwritten in silence, and they are written
// all or none.
// Thread: blocking; for small local files.
#pragma once

#include <string>
#include <vector>

#include "cli/answer.h"
#include "ranktable/profile.h"

namespace pd::cli {

struct TableFile {
  std::string name;     // without a folder
  std::string content;  // canonical text
  ranktable::Part part = ranktable::Part::kGlobal;
  std::string instance = {};  // whose local table it is: "prefill instance 0"
};

struct SaveRequest {
  std::string folder = ".";
  bool pretty = false;
  bool force = false;
};

// Refuses to replace the local table of other devices or of another server, a global one that lists what the new one
// lacks, whatever is no such table at all, and the files that were read (`inputs`), unless forced.
Answer save_tables(const std::vector<TableFile>& files, const SaveRequest& request,
                   const std::vector<std::string>& inputs = {});

std::string_view name_of(ranktable::Part part);  // "global", "local", "host"

}  // namespace pd::cli
