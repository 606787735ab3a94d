// Pods that somebody else makes: a role with `adopt` takes the living pods of its namespace that carry its labels
// (pd-operator.io/deployment, /role) into slots. They are never created, changed or deleted here, save the touch.
//
// Places. An instance is a pod, or with adopt.instanceLabel all pods that share its value. New ones take the lowest
// free places, in order of creation time, then UID; with instanceLabel in order of its values, numbers before text.
// Whoever is in a published table keeps its place while it lives: status.adopted holds the places by pod name, and no
// table is written before the status holds those that the table is made of, so that neither a crash nor a ConfigMap
// that somebody deletes or edits moves anybody. A pod that is gone leaves its place to a successor of the same name
// (StatefulSets), else to the next that comes. Before the first table the status holds none: it does not matter in
// which order the pods were seen.
//
// How many. `instances` are waited for. More that live are wanted too, so that a Deployment's surge pod does not wait
// for the place of a pod that waits for it; but where the number of places is fixed (the scheduler, positional
// profiles) they wait. Thread: pure functions. The results point into the snapshot, which must outlive them.
#pragma once

#include <optional>
#include <string>

#include "plan/membership.h"

namespace pd::plan {

// Puts the pods of an adopting role into its slots.
void adopt_pods(const Snapshot& snapshot, Role role, Occupancy& occupancy);

// Why pods of adopting roles wait without an end, as far as the workload that makes them is the cause.
struct AdoptionObstacle {
  std::string reason;           // CamelCase, for the condition DevicesDiscovered; empty: there is none
  std::string message;          // one sentence
  std::optional<WallTime> due;  // when what may still be a matter of moments becomes one
};
AdoptionObstacle find_adoption_obstacle(const Snapshot& snapshot, const Occupancy& occupancy, WallTime now);

}  // namespace pd::plan
