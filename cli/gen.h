// `pdctl gen`: the tables of the instances on this host, as the script's `--mode gen` names and fills them.
// Thread: blocking.
#pragma once

#include <string>
#include <vector>

#include "cli/answer.h"
#include "cli/device_addresses.h"
#include "cli/table_files.h"

namespace pd::cli {

struct GenRequest {
  std::vector<std::string> prefill;  // an instance each: "4,5"
  std::vector<std::string> decode;
  bool api_server = false;  // the service's entry is on this host
  std::string ip;           // this host's; empty: that of its way out
  AddressSources sources;
  SaveRequest save;
};

Answer gen(const GenRequest& request);

}  // namespace pd::cli
