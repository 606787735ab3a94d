#include "plan/status.h"

#include <algorithm>
#include <set>

#include "plan/conditions.h"
#include "plan/touch.h"

namespace pd::plan {
namespace {

kube::RanktableStatus next_ranktable(const Situation& situation) {
  kube::RanktableStatus next = situation.deployment().status.ranktable;
  const TableDecision& table = situation.table;
  if (table.verdict == TableVerdict::kNameTaken) return next;
  const bool unchanged = !table.write && table.generation == next.generation && !next.digest.empty();
  if (!unchanged || next.npus == 0) next.npus = table.completed ? npus_of(table.content) : 0;
  next.config_map = config_map_name(situation.deployment());
  next.state = table.completed ? "Completed" : "Initializing";
  next.published_at = published_at(situation);
  next.generation = table.generation;
  next.generation_ceiling = std::max(next.generation_ceiling, table.generation + kReserveAhead);
  next.missing = table.missing;
  next.digest = table.digest;
  return next;
}

// Counts also what this plan makes: another write just after it would say nothing else.
kube::RoleStatus next_role(const Situation& situation, const Rollout& rollout, Role role) {
  kube::RoleStatus next;
  std::set<Instance> alive;
  for (const auto& [slot, pods] : situation.occupancy.slots) {
    if (slot.instance.role == role && pods.occupant != nullptr) alive.insert(slot.instance);
  }
  for (const NewPod& made : rollout.creates) {
    if (made.slot.instance.role == role) alive.insert(made.slot.instance);
  }
  next.instances = static_cast<int>(alive.size());
  for (const Instance& instance : situation.occupancy.instances()) {
    if (instance.role != role) continue;
    if (situation.ready(instance)) ++next.ready;
    if (alive.contains(instance) && !situation.outdated(instance)) ++next.updated;
  }
  next.summary = std::to_string(next.ready) + "/" + std::to_string(wanted_instances(situation.deployment(), role));
  return next;
}

bool is_known(const kube::Condition& condition) {
  constexpr std::array kKnown = {kReady,          kAvailable,         kProgressing, kTemplatesValid, kDevicesDiscovered,
                                 kRanktableReady, kRanktableDelivered};
  return std::find(kKnown.begin(), kKnown.end(), condition.type) != kKnown.end();
}

// Of adopted pods. Before there is a table to be made of them none are kept.
std::vector<kube::AdoptedPod> places(const Situation& situation) {
  const bool any = situation.table.completed || !situation.deployment().status.adopted.empty();
  return any ? situation.occupancy.adopted : std::vector<kube::AdoptedPod>();
}

kube::PDDeploymentStatus normalized(kube::PDDeploymentStatus status) {
  std::erase_if(status.conditions, [](const kube::Condition& condition) { return !is_known(condition); });
  std::sort(status.conditions.begin(), status.conditions.end(),
            [](const kube::Condition& a, const kube::Condition& b) { return a.type < b.type; });
  std::sort(status.incarnations.begin(), status.incarnations.end(),
            [](const kube::Incarnation& a, const kube::Incarnation& b) { return a.slot < b.slot; });
  std::sort(status.adopted.begin(), status.adopted.end());
  std::sort(status.restarts.begin(), status.restarts.end(),
            [](const kube::InstanceRestarts& a, const kube::InstanceRestarts& b) { return a.instance < b.instance; });
  std::sort(status.ranktable.missing.begin(), status.ranktable.missing.end(),
            [](const kube::MissingInstance& a, const kube::MissingInstance& b) { return a.instance < b.instance; });
  return status;
}

// A condition that says what it did not say before.
bool is_news(const kube::PDDeploymentStatus& before, const kube::Condition& now) {
  const kube::Condition* then = find_condition(before.conditions, now.type);
  return then == nullptr || then->reason != now.reason || then->message != now.message;
}

void add_table_events(const Situation& situation, const kube::PDDeploymentStatus& next,
                      std::vector<EmitEvent>& events) {
  const kube::PDDeploymentStatus& before = situation.deployment().status;
  const kube::Condition& ready = *find_condition(next.conditions, kRanktableReady);
  const bool advanced = next.ranktable.generation > before.ranktable.generation;
  const std::string generation = "Generation " + std::to_string(next.ranktable.generation);
  if (advanced && next.ranktable.state == "Completed") {
    const std::string& changes = situation.table.changes;
    const std::string what = changes.empty() ? ready.message : changes + ". " + ready.message;
    events.push_back({false, "RanktablePublished", "Publish", generation + ": " + what, std::nullopt});
  }
  std::string left_out;
  for (const kube::MissingInstance& missing : next.ranktable.missing) {
    left_out += (left_out.empty() ? "" : ", ") + missing.instance;
  }
  if (advanced && situation.table.verdict == TableVerdict::kPartial) {
    events.push_back({true, "InstanceLeftOut", "Publish",
                      generation + " goes on without " + left_out + ", lost for more than lostGraceSeconds.",
                      std::nullopt});
  }
  if (!is_news(before, ready)) return;
  if (situation.table.verdict == TableVerdict::kRejected) {
    events.push_back({true, "RanktableRejected", "Publish", ready.message, std::nullopt});
  } else if (situation.table.verdict == TableVerdict::kTooLarge) {
    events.push_back({true, "TooLarge", "Publish", ready.message, std::nullopt});
  }
}

std::optional<kube::ObjectMeta> pod_with_warning(const Situation& situation) {
  for (const auto& [slot, placement] : situation.placements) {
    if (!placement.warning.empty() && placement.pod != nullptr) return placement.pod->meta;
  }
  return std::nullopt;
}

}  // namespace

kube::PDDeploymentStatus next_status(const Situation& situation, const Rollout& rollout) {
  kube::PDDeploymentStatus next;
  next.observed_generation = situation.deployment().meta.generation;
  next.ranktable = next_ranktable(situation);
  next.incarnations = rollout.incarnations;
  next.adopted = places(situation);
  next.restarts = rollout.restarts;
  next.scheduler = next_role(situation, rollout, Role::kScheduler);
  next.prefill = next_role(situation, rollout, Role::kPrefill);
  next.decode = next_role(situation, rollout, Role::kDecode);
  next.conditions = conditions_of(situation, rollout);
  return next;
}

kube::PDDeploymentStatus raised_status(const Situation& situation) {
  kube::PDDeploymentStatus next = situation.deployment().status;
  ++next.ranktable.epoch;
  return next;
}

kube::PDDeploymentStatus reserved_status(const Situation& situation) {
  kube::PDDeploymentStatus next = situation.deployment().status;
  next.ranktable.generation_ceiling =
      std::max(next.ranktable.generation_ceiling, situation.table.generation + kReserveAhead);
  next.adopted = places(situation);
  return next;
}

bool has_places(const Situation& situation) {
  std::vector<kube::AdoptedPod> known = situation.deployment().status.adopted;
  std::sort(known.begin(), known.end());
  return known == places(situation);
}

bool same_status(const kube::PDDeploymentStatus& a, const kube::PDDeploymentStatus& b) {
  return normalized(a) == normalized(b);
}

std::vector<EmitEvent> adoption_events(const Situation& situation) {
  if (places(situation).empty()) return {};
  std::set<std::pair<std::string, std::string>> known;
  for (const kube::AdoptedPod& entry : situation.deployment().status.adopted) known.emplace(entry.slot, entry.pod);
  std::vector<EmitEvent> events;
  for (const auto& [slot, pods] : situation.occupancy.slots) {
    if (!adopts(situation.deployment(), slot.instance.role) || pods.occupant == nullptr) continue;
    const kube::ObjectMeta& pod = pods.occupant->meta;
    if (known.contains({name_of(slot), pod.name})) continue;
    events.push_back({false, "Adopted", "Adopt",
                      "It is " + name_of(slot.instance) + " of PDDeployment " + situation.deployment().meta.name + ".",
                      pod});
  }
  return events;
}

std::vector<EmitEvent> transition_events(const Situation& situation, const kube::PDDeploymentStatus& next) {
  std::vector<EmitEvent> events;
  const kube::PDDeploymentStatus& before = situation.deployment().status;
  add_table_events(situation, next, events);
  for (EmitEvent& adopted : adoption_events(situation)) events.push_back(std::move(adopted));
  const kube::Condition& devices = *find_condition(next.conditions, kDevicesDiscovered);
  const Placement* worst = worst_placement(situation);
  if (worst != nullptr && worst->pod != nullptr && is_news(before, devices) &&
      (worst->problem == PlacementProblem::kDuplicateDevice || worst->problem == PlacementProblem::kLinkDown)) {
    events.push_back({true, devices.reason, "Discover", devices.message, worst->pod->meta});
  }
  if (worst == nullptr && devices.reason == "LinkDown" && is_news(before, devices)) {
    events.push_back({true, "LinkDown", "Discover", devices.message, pod_with_warning(situation)});
  }
  const kube::Condition& templates = *find_condition(next.conditions, kTemplatesValid);
  if (templates.status == "False" && is_news(before, templates)) {
    events.push_back({true, "TemplateInvalid", "CreatePod", templates.message, std::nullopt});
  }
  return events;
}

}  // namespace pd::plan
