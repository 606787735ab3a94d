// onPeerChange: Restart, for engines that read the tables once. It is done in epochs, so that a restart never causes
// another one: when the table of the current epoch is published and an instance is lost, added, removed or updated, the
// next epoch is recorded in the status; then all pods of such roles that are of an older epoch are deleted together,
// and the next table, which has the new epoch, lists only their successors. Until it is published, nothing raises the
// epoch again, for nobody has started yet. Source of the rules: "Restart" in the API documentation. Thread: pure
// functions.
#pragma once

#include <map>
#include <string>

#include "plan/config_map.h"
#include "plan/devices.h"
#include "plan/membership.h"
#include "plan/snapshot.h"

namespace pd::plan {

// Some role is restarted with its peers.
bool any_restarts(const kube::PDDeployment& deployment);

// A sentence that says what has changed; empty when the epoch stays.
std::string reason_to_raise_epoch(const Snapshot& snapshot, const Occupancy& occupancy, const Placements& placements,
                                  const StoredTable& stored);

// Hashes of what the published table lists and of the starts of those peers that read it once, by instance. Empty
// unless it is of the status' epoch and there are such peers.
std::map<std::string, std::string> digests_of_listed(const kube::PDDeployment& deployment, const Placements& placements,
                                                     const StoredTable& stored);

// The table of the status' epoch is not published yet, and the pod is of an older one: it is to be restarted.
bool is_of_old_epoch(const kube::PDDeployment& deployment, Role role, const kube::Pod& pod, const StoredTable& stored);

// An instance of a positional profile that is not placed, and that no restart of peers will bring: without it no table
// could list their successors, so they go on with the last one. Empty when there is none.
std::string lacks_others_than_peers(const kube::PDDeployment& deployment, const Occupancy& occupancy,
                                    const Placements& placements, const StoredTable& stored);

// Such pods are not placed: no table lists them any more.
void unplace_old_epochs(const kube::PDDeployment& deployment, const StoredTable& stored, Placements& placements);

}  // namespace pd::plan
