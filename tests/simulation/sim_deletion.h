// Deleting: preconditions, finalizers, the pods' grace period, and what the garbage collector deletes.
// Thread: one.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "kube/transport.h"
#include "tests/simulation/sim_store.h"

namespace pd::test {

struct DeleteOptions {
  std::string uid = {};               // precondition
  std::string resource_version = {};  // precondition
  std::optional<std::int64_t> grace_seconds = {};
  std::string propagation = {};  // Background, Foreground, Orphan
  bool dry_run = false;
};

kube::HttpResponse delete_object(SimStore& store, WallTime now, const SimKind& kind, const std::string& name,
                                 const std::string& key, const DeleteOptions& options);

// Whether nothing holds a terminating object any longer: no finalizer, and no time to end in peace.
bool is_done_for(const Json& object);

// One round of the garbage collector and of the namespace controller, over all objects: deletes those whose owners are
// all gone, lets a foreground deletion or an orphaning go on, empties terminating namespaces. Answers how many objects
// it touched; 0 when there is nothing left to do.
int collect_garbage(SimStore& store, WallTime now);

}  // namespace pd::test
