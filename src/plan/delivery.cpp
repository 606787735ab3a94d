#include "plan/delivery.h"

#include "base/address.h"
#include "plan/conditions.h"
#include "plan/touch.h"

namespace pd::plan {
namespace {

// Pods that should see the tables.
std::vector<const kube::Pod*> readers(const Situation& situation) {
  std::vector<const kube::Pod*> pods;
  for (const auto& [slot, slot_pods] : situation.occupancy.slots) {
    if (!slot_pods.wanted || slot_pods.occupant == nullptr) continue;
    if (should_see(situation, slot.instance, *slot_pods.occupant)) pods.push_back(slot_pods.occupant);
  }
  return pods;
}

bool can_tell(const kube::Pod& pod) { return pod.gate_port > 0 && is_peer_address(pod.pod_ip); }

kube::Condition say(std::string_view status, std::string_view reason, std::string message) {
  return {std::string(kRanktableDelivered), std::string(status), std::string(reason), std::move(message), {}, 0};
}

std::string why_silent(const Situation& situation, const kube::Pod& pod) {
  if (!pod.gate_waiting.empty()) return "its container pd-gate-watch waits: " + pod.gate_waiting.str() + ".";
  return situation.snapshot.deliveries.at(pod.meta.uid).problem +
         ". Look at its container pd-gate-watch, and whether a NetworkPolicy lets the operator ask it.";
}

}  // namespace

std::vector<DeliveryTarget> delivery_targets(const Situation& situation) {
  std::vector<DeliveryTarget> targets;
  for (const kube::Pod* pod : readers(situation)) {
    if (!can_tell(*pod)) continue;
    targets.push_back(
        {pod->meta.uid, pod->pod_ip, static_cast<std::uint16_t>(pod->gate_port), situation.table.generation});
  }
  return targets;
}

kube::Condition delivered(const Situation& situation) {
  const std::vector<const kube::Pod*> pods = readers(situation);
  if (pods.empty()) return say("Unknown", "NothingToDeliver", "No pod is in a published table yet.");
  const std::string generation = "generation " + std::to_string(situation.table.generation);
  const kube::Pod* waiting = nullptr;
  const kube::Pod* silent = nullptr;
  const kube::Pod* mute = nullptr;
  int missing = 0;
  for (const kube::Pod* pod : pods) {
    if (!can_tell(*pod)) {
      mute = mute == nullptr ? pod : mute;
      continue;
    }
    if (has_seen(situation, *pod)) continue;
    ++missing;
    const auto state = situation.snapshot.deliveries.find(pod->meta.uid);
    const bool unreachable = state != situation.snapshot.deliveries.end() && !state->second.problem.empty();
    const kube::Pod*& first = unreachable ? silent : waiting;
    if (first == nullptr) first = pod;
  }
  if (silent != nullptr) {
    return say("Unknown", "Unreachable",
               "Pod " + silent->meta.name + " does not tell whether it sees " + generation + ": " +
                   why_silent(situation, *silent));
  }
  if (waiting != nullptr) {
    const std::string all = std::to_string(pods.size());
    // Each step of what takes a moment would be a write.
    if (!is_overdue(situation)) {
      return say("False", "Delivering", "Kubelet is bringing " + generation + " into " + all + " pods.");
    }
    return say("False", "Delivering",
               "Kubelet has yet to bring " + generation + " into " + std::to_string(missing) + " of " + all +
                   " pods; the first is " + waiting->meta.name + ".");
  }
  if (mute != nullptr) {
    return say("Unknown", "NoSidecar",
               "Pod " + mute->meta.name + " has no sidecar that could tell which generation it sees.");
  }
  return say("True", "Delivered", "All " + std::to_string(pods.size()) + " listed pods see " + generation + ".");
}

}  // namespace pd::plan
