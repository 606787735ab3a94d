// What people do, and what befalls the cluster, in a simulated run: drawn from a seed as the faults are, printed with a
// run that fails, and shrunk with them.
//
//   std::vector<Act> acts = draw_acts(rng, std::chrono::seconds(60), 15);
//
// Thread: values without shared state.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "runtime/timing.h"

namespace pd::test {

enum class ActKind {
  // People.
  kScaled,
  kScaledToZero,
  kTemplateChanged,
  kNpusChanged,
  kPausedOrNot,
  kPolicyChanged,  // publishPolicy, lostGraceSeconds, podReplacementPolicy, maxUnavailable, onPeerChange
  kPodDeleted,
  kPodKilled,  // by force
  kMapDeleted,
  kMapEdited,
  kClaimForged,       // a pod's annotation says that it holds other devices
  kLabelForged,       // a pod's
  kTouchForged,       // the annotations that the operator writes on pods
  kNodeForged,        // a Node's annotations: garbled, or gone
  kNameTaken,         // an object of somebody else's has a name of ours
  kDeploymentRemade,  // deleted, and made anew by its name
  // The cluster.
  kPodEvicted,
  kContainerCrashed,
  kNodeDrained,
  kNodeDead,  // for a while
  kNodeLost,  // for good
  kNodeReplaced,
  kKubeletRestarted,
  kKubeletLags,  // its view of ConfigMaps
  kSidecarsMute,
  kLinkChanged,
  kAddressChanged,  // of a device
};
inline constexpr int kActKinds = static_cast<int>(ActKind::kAddressChanged) + 1;

struct Act {
  ActKind kind;
  Duration at;           // since the start of the run
  Duration duration;     // of those that last
  std::uint32_t choice;  // of all that is left open
};

std::string_view to_string(ActKind kind);
std::string to_string(const std::vector<Act>& acts);
// In order of time; at most `most`.
std::vector<Act> draw_acts(runtime::Rng& rng, Duration span, int most);

}  // namespace pd::test
