// `pdctl merge-local`: the local tables of one instance's hosts to that of the instance.
// Thread: blocking.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/answer.h"
#include "cli/table_files.h"

namespace pd::cli {

struct MergeLocalRequest {
  std::vector<std::string> locals;  // in rank order: the head's first
  SaveRequest save;
};

Answer merge_local(const MergeLocalRequest& request, std::istream& in);

}  // namespace pd::cli
