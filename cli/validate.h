// `pdctl validate`: what is wrong with tables, one line each with the rule and the place.
// Thread: blocking.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/answer.h"

namespace pd::cli {

struct ValidateRequest {
  std::vector<std::string> files;       // "-": standard input
  std::string profile;                  // empty: each table's own
  std::vector<std::string> skip_rules;  // numbers or names
};

Answer validate(const ValidateRequest& request, std::istream& in);

// What there is to choose from.
Answer list_rules();
Answer list_profiles();

}  // namespace pd::cli
