// Which NPUs a pod has, and how we know. Nothing is trusted alone:
//   real nodes      what kubelet allocated, by pod UID, as the node's agent reports it. What device plugins write into
//                   the pod's annotations (device_claims.h) must say the same, or nothing is known of the pod.
//   remapped nodes  a scheduler plugin chooses the devices: the pod's annotation, with as many as kubelet counted.
//   unknown nodes   the agent does not ask kubelet: the pod's annotation.
// All of them must be in the inventory of the pod's own node, which alone has the addresses. What a node or a pod says
// is hostile until parsed. Source of the rules: invariant S3, and "Sources of pod -> devices" in the API documentation.
// Thread: pure functions.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "plan/membership.h"
#include "plan/snapshot.h"
#include "ranktable/membership.h"

namespace pd::plan {

enum class PlacementProblem {
  kNone,
  kUnbound,        // no pod yet, or no node yet
  kWaiting,        // kubelet's address, the agent's report or the device plugin's annotation is due any moment
  kNodeSilent,     // the node's annotations are missing
  kBadAnnotation,  // they cannot be read
  kBadClaim,       // the pod's own annotation of its devices cannot be read
  kDisagreement,   // it says something else than kubelet
  kDeviceUnknown,  // a device is not in the inventory, or has no usable address
  kLinkDown,
  kCount,            // another number of NPUs than the role wants
  kDuplicateDevice,  // a stronger claim on the same device or address
};
inline constexpr std::array kPlacementProblems = {
    PlacementProblem::kNone,         PlacementProblem::kUnbound,        PlacementProblem::kWaiting,
    PlacementProblem::kNodeSilent,   PlacementProblem::kBadAnnotation,  PlacementProblem::kBadClaim,
    PlacementProblem::kDisagreement, PlacementProblem::kDeviceUnknown,  PlacementProblem::kLinkDown,
    PlacementProblem::kCount,        PlacementProblem::kDuplicateDevice};
std::string_view reason_of(PlacementProblem problem);  // CamelCase, for conditions and events
// What was said of its NPUs is refused; otherwise nothing was said yet.
bool is_refusal(PlacementProblem problem);

// What is known of one wanted slot. The server is there exactly when the problem is kNone.
struct Placement {
  std::optional<ranktable::Server> server;
  PlacementProblem problem = PlacementProblem::kUnbound;
  std::string reason = {};         // a clause for people: "pod x on node y ..."
  const kube::Pod* pod = nullptr;  // the occupant, if any
  std::string source = {};         // the annotation that named the devices; empty for the scheduler
  std::string warning = {};        // a clause about a placed pod: a link that is down
};

using Placements = std::map<Slot, Placement>;
Placements place(const Snapshot& snapshot, const Occupancy& occupancy);

// The servers of an instance in pod order; nothing while one of them is not known.
std::optional<ranktable::Instance> placed_instance(const kube::PDDeployment& deployment, const Placements& placements,
                                                   const Instance& instance);
// The first placement of an instance that keeps it from being placed; null when there is none.
const Placement* obstacle(const kube::PDDeployment& deployment, const Placements& placements, const Instance& instance);

}  // namespace pd::plan
