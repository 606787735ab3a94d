// `pdctl merge-all`: the local tables of whole instances to a global table of a group for each instance (PerInstance).
// Thread: blocking.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/answer.h"
#include "cli/table_files.h"
#include "ranktable/merge.h"

namespace pd::cli {

struct MergeAllRequest {
  std::vector<std::string> prefill;  // local tables, in the order of instances
  std::vector<std::string> decode;
  ranktable::MergeOptions options;
  SaveRequest save;
};

Answer merge_all(const MergeAllRequest& request, std::istream& in);

}  // namespace pd::cli
