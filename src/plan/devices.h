// Which NPUs a pod has, and how we know: the agent's report of what kubelet allocated (by pod UID), checked against the
// inventory of the pod's own node. Nothing that the pod itself or its owner can write is a source. What a node says is
// hostile until parsed. Source of the rules: invariant S3, and "Sources of pod -> devices" in the API documentation.
// Thread: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "plan/membership.h"
#include "plan/snapshot.h"
#include "ranktable/membership.h"

namespace pd::plan {

enum class PlacementProblem {
  kNone,
  kUnbound,             // no pod yet, or no node yet
  kWaiting,             // kubelet's address or the agent's report is due any moment
  kNodeSilent,          // the node's annotations are missing
  kBadAnnotation,       // they cannot be read
  kRemapped,            // the node's allocations are not the physical devices
  kAllocationsUnknown,  // the node's agent does not ask kubelet
  kDeviceUnknown,       // an allocated device is not in the inventory, or has no usable address
  kLinkDown,
  kCount,            // another number of NPUs than the role wants
  kDuplicateDevice,  // an older pod claims the same device or address
};
std::string_view reason_of(PlacementProblem problem);  // CamelCase, for conditions and events

// What is known of one wanted slot. The server is there exactly when the problem is kNone.
struct Placement {
  std::optional<ranktable::Server> server;
  PlacementProblem problem = PlacementProblem::kUnbound;
  std::string reason;              // a clause for people: "pod x on node y ..."
  const kube::Pod* pod = nullptr;  // the occupant, if any
};

using Placements = std::map<Slot, Placement>;
Placements place(const Snapshot& snapshot, const Occupancy& occupancy);

// The servers of an instance in pod order; nothing while one of them is not known.
std::optional<ranktable::Instance> placed_instance(const kube::PDDeployment& deployment, const Placements& placements,
                                                   const Instance& instance);
// The first placement of an instance that keeps it from being placed; null when there is none.
const Placement* obstacle(const kube::PDDeployment& deployment, const Placements& placements, const Instance& instance);

}  // namespace pd::plan
