// The rules (rules.h) applied to tables.
// The validator judges text: what we made ourselves and what anybody else wrote, alike.
// Thread: pure functions. Input is hostile: bounded in size, depth and length of strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ranktable/findings.h"
#include "ranktable/profile.h"

namespace pd::ranktable {

// Judges one table. `rules`: those of the profile, or fewer. Empty when it is completed and keeps all of them.
std::vector<Finding> validate(const Document& document, const Profile& profile, Part part, RuleSet rules);

// Rule 9: what the local tables list is what the global one lists, in the same order. The answer names the local
// table by its place in `locals`.
struct MirrorFinding {
  std::size_t local;
  Finding finding;
};
std::vector<MirrorFinding> validate_mirrors(const Document& global, const std::vector<const Document*>& locals,
                                            const Profile& profile, RuleSet rules);

// Rule 15: what all tables of a deployment have in bytes.
std::vector<Finding> validate_size(std::size_t bytes, RuleSet rules);

// All tables of a deployment as they would be published; each finding names its table.
std::vector<Finding> validate_documents(const Documents& documents, const Profile& profile, RuleSet rules);

// The same on text that may be anything, by the profile's name.
std::vector<Finding> validate_global(std::string_view text, std::string_view profile);
std::vector<Finding> validate_local(std::string_view text, std::string_view profile);
std::vector<Finding> validate_host(std::string_view text, std::string_view profile);
std::vector<Finding> validate_mirror(std::string_view global, std::string_view local, std::string_view profile);

// "completed", "initializing" or whatever else stands in "status".
Result<std::string> read_status(std::string_view text);
// Every server_ip that a table lists, in order; how the gate finds its own pod's address.
Result<std::vector<std::string>> read_server_ips(std::string_view text);

}  // namespace pd::ranktable
