// The rules that a completed table keeps (ranktable-formats, section 8: the union of what its consumers check).
// The validator judges text: what we made ourselves and what anybody else wrote, alike.
// Thread: pure functions. Input is hostile: bounded in size, depth and length of strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pd::ranktable {

struct Finding {
  int rule = 0;         // 1..16; 0 for text that is not a table at all
  std::string pointer;  // JSON pointer to the place
  std::string message;  // one sentence: what is wrong and what it should be
};

// Judges a global table against the rules of a profile. Empty when it is completed and keeps all of them.
std::vector<Finding> validate_global(std::string_view text, std::string_view profile);
// Judges one instance's local table (or the scheduler's, `host`).
std::vector<Finding> validate_local(std::string_view text, std::string_view profile);
std::vector<Finding> validate_host(std::string_view text, std::string_view profile);
// Rule 9: the local table's server_list is an entry of the global one, in the same order.
std::vector<Finding> validate_mirror(std::string_view global, std::string_view local, std::string_view profile);

// "rule 7 at /server_group_list/1/...: device_ip ..."
std::string to_string(const Finding& finding);

// "completed", "initializing" or whatever else stands in "status".
Result<std::string> read_status(std::string_view text);
// Every server_ip that a table lists, in order; how the gate finds its own pod's address.
Result<std::vector<std::string>> read_server_ips(std::string_view text);

}  // namespace pd::ranktable
