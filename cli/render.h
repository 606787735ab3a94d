// `pdctl render`: what the operator would publish for a PDDeployment, with no cluster: its planner, on what files say
// of nodes and pods. Thread: blocking.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/answer.h"

namespace pd::cli {

struct RenderRequest {
  std::vector<std::string> files;  // of the PDDeployment; each may be "-", standard input
  std::string nodes;               // empty: none are known
  std::string pods;                // likewise
  std::string gate_image = "pd-operator";
  std::string save_dir;  // empty: nothing is written
  bool force = false;
};

Answer render(const RenderRequest& request, std::istream& in);

}  // namespace pd::cli
