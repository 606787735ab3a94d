// Tables of single hosts put together to that of a deployment, as the public script's merge, merge-local and merge-all
// do, in the order in which the tables are given: that of instances and of ranks. What the script takes in silence is
// refused: the same table twice, a second scheduler, a device used twice.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ranktable/document.h"
#include "ranktable/membership.h"
#include "ranktable/profile.h"

namespace pd::ranktable {

struct Source {
  std::string name;  // the file, for messages
  const Document* document = nullptr;
};

struct MergeOptions {
  bool allow_missing_groups = false;  // to merge in steps: the result is itself merged later
  bool allow_unequal_sizes = false;   // instances of one role with different numbers of devices
};

// Global tables of hosts (any may lack groups) to the global table's membership. Errors name the sources.
Result<Membership> merge_global(const std::vector<Source>& sources, const MergeOptions& options);

// Local tables of one instance's hosts to that instance: its servers in the given order, ranks run on. A table that was
// merged itself brings all its servers.
Result<Instance> merge_local(const std::vector<Source>& sources);

// Local tables of whole instances to a membership.
Result<Membership> merge_all(const std::vector<Source>& prefill, const std::vector<Source>& decode,
                             const MergeOptions& options);

}  // namespace pd::ranktable
