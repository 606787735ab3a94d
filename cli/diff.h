// `pdctl diff`: what changed from one global table to another, in words. Their layouts may differ.
// Thread: blocking.
#pragma once

#include <iosfwd>
#include <string>

#include "cli/answer.h"

namespace pd::cli {

struct DiffRequest {
  std::string before;  // files; one of them may be "-", standard input
  std::string after;
};

Answer diff(const DiffRequest& request, std::istream& in);

}  // namespace pd::cli
