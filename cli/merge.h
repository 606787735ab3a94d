// `pdctl merge`: the global tables of single hosts to that of a deployment, as the script's `--mode merge`; and, what
// the script has not, into another layout.
// Thread: blocking.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/answer.h"
#include "cli/table_files.h"
#include "ranktable/merge.h"

namespace pd::cli {

struct MergeRequest {
  std::vector<std::string> globals;  // in the order of instances
  std::string profile = "AscendCloud";
  ranktable::MergeOptions options;
  SaveRequest save;
};

Answer merge(const MergeRequest& request, std::istream& in);

}  // namespace pd::cli
