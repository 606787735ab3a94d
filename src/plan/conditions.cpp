#include "plan/conditions.h"

#include <algorithm>
#include <set>

#include "npu/inventory.h"
#include "plan/delivery.h"
#include "plan/own_objects.h"

namespace pd::plan {
namespace {

constexpr std::string_view kTrue = "True";
constexpr std::string_view kFalse = "False";
constexpr std::string_view kUnknown = "Unknown";

kube::Condition condition(std::string_view type, std::string_view status, std::string_view reason,
                          std::string message) {
  return {std::string(type), std::string(status), std::string(reason), std::move(message), std::nullopt, 0};
}

std::string sentence(std::string clause) {
  if (!clause.empty() && clause[0] >= 'a' && clause[0] <= 'z') clause[0] = static_cast<char>(clause[0] - 'a' + 'A');
  return clause + ".";
}

// What was said of the same spec stays until the API server has answered: after a restart of the operator, nothing is
// new.
kube::Condition not_tried(const Situation& situation, Role role) {
  const kube::PDDeployment& deployment = situation.deployment();
  const kube::Condition* before = find_condition(deployment.status.conditions, kTemplatesValid);
  if (before != nullptr && before->observed_generation == deployment.meta.generation) {
    return condition(kTemplatesValid, before->status, before->reason, before->message);
  }
  return condition(kTemplatesValid, kUnknown, "Trying",
                   "The API server is asked whether it takes the pods of " + std::string(name_of(role)) + ".");
}

kube::Condition templates_valid(const Situation& situation) {
  for (const auto verdict : {TemplateCheck::Verdict::kInvalid, TemplateCheck::Verdict::kUnknown}) {
    for (const auto& [role, check] : situation.templates) {
      if (check.verdict != verdict) continue;
      const bool invalid = verdict == TemplateCheck::Verdict::kInvalid;
      return condition(kTemplatesValid, invalid ? kFalse : kUnknown, check.reason, check.message);
    }
  }
  for (const auto& [role, check] : situation.templates) {
    if (check.dry_run.message.empty()) continue;
    return condition(kTemplatesValid, kUnknown, "Undecided",
                     "Whether the API server takes the pods of " + std::string(name_of(role)) +
                         " is not certain: " + check.dry_run.message);
  }
  for (const auto& [role, check] : situation.templates) {
    if (check.dry_run.answer == DryRun::Answer::kNone) return not_tried(situation, role);
  }
  const kube::PDDeployment& deployment = situation.deployment();
  if (std::all_of(kRoles.begin(), kRoles.end(), [&](Role role) { return adopts(deployment, role); })) {
    return condition(kTemplatesValid, kTrue, "NoTemplates", "All roles adopt pods that somebody else makes.");
  }
  return condition(kTemplatesValid, kTrue, "Valid",
                   "The templates keep the operator's rules, and the API server takes their pods.");
}

kube::Condition devices_discovered(const Situation& situation) {
  const Placement* worst = worst_placement(situation);
  const bool only_waits = worst == nullptr || worst->problem == PlacementProblem::kWaiting;
  if (only_waits && !situation.adoption.reason.empty()) {
    return condition(kDevicesDiscovered, kFalse, situation.adoption.reason, situation.adoption.message);
  }
  if (worst != nullptr) {
    return condition(kDevicesDiscovered, kFalse, reason_of(worst->problem), sentence(worst->reason));
  }
  std::set<std::string> sources;
  std::string warning;
  for (const auto& [slot, placement] : situation.placements) {
    if (placement.server && !placement.source.empty()) sources.insert(placement.source);
    if (warning.empty()) warning = placement.warning;
  }
  if (sources.empty())
    return condition(kDevicesDiscovered, kUnknown, "NoPods", "No pod with NPUs is bound to a node yet.");
  std::string names;
  for (const std::string& source : sources) names.append(names.empty() ? "" : ", ").append(source);
  const std::string known = "The NPUs of all placed pods are known by the annotation " + names + ".";
  if (warning.empty()) return condition(kDevicesDiscovered, kTrue, "Discovered", known);
  return condition(kDevicesDiscovered, kTrue, "LinkDown", sentence(warning) + " " + known);
}

bool is_published(const Situation& situation) {
  return situation.table.verdict == TableVerdict::kPublished || situation.table.verdict == TableVerdict::kPartial;
}

kube::Condition ranktable_ready(const Situation& situation) {
  return condition(kRanktableReady, is_published(situation) ? kTrue : kFalse, reason_of(situation.table.verdict),
                   situation.table.message);
}

kube::Condition available(const Situation& situation) {
  for (const Role role : kRoles) {
    bool found = false;
    for (const Instance& instance : situation.occupancy.instances()) {
      found =
          found || (instance.role == role && situation.ready(instance) && situation.table.listed.contains(instance));
    }
    if (!found) {
      return condition(kAvailable, kFalse, "RoleUnavailable",
                       "No instance of " + std::string(name_of(role)) + " is Ready and in the published table.");
    }
  }
  return condition(kAvailable, kTrue, "Available", "Each role has a Ready instance in the published table.");
}

std::string without_effect_on_adopted(const kube::PDDeployment& deployment) {
  std::string fields;
  for (const Role role : kRoles) {
    if (!adopts(deployment, role) || spec_of(deployment, role).on_peer_change != "Restart") continue;
    fields.append(fields.empty() ? "" : ", ").append(name_of(role)).append(".onPeerChange: Restart");
  }
  return fields.empty() ? "" : " Without effect, since adopted pods are never deleted: " + fields + ".";
}

kube::Condition progressing(const Situation& situation, const Rollout& rollout) {
  const std::string notes = without_effect_on_adopted(situation.deployment());
  if (const std::string frozen = situation.frozen(); !frozen.empty()) {
    const bool paused = situation.deployment().paused;
    return condition(kProgressing, kFalse, paused ? "Paused" : reason_of(situation.table.verdict), frozen + notes);
  }
  const std::vector<std::string> objects = foreign_objects(situation.snapshot);
  const std::vector<std::string>& pods = situation.occupancy.foreign_names;
  if (!objects.empty() || !pods.empty()) {
    const std::string what = objects.empty() ? "Pod " + pods.front() : objects.front();
    const std::string rest = objects.empty() ? "another number is used" : "delete or rename it";
    return condition(kProgressing, rollout.reason.empty() ? kFalse : kTrue, "NameTaken",
                     what + " belongs to somebody else and is left alone: " + rest + "." + notes);
  }
  if (!rollout.reason.empty()) return condition(kProgressing, kTrue, rollout.reason, rollout.message + notes);
  if (!is_published(situation) || situation.table.verdict == TableVerdict::kPartial) {
    const bool lasting = situation.table.verdict == TableVerdict::kScaledToZero ||
                         situation.table.verdict == TableVerdict::kRejected ||
                         situation.table.verdict == TableVerdict::kTooLarge;
    return condition(kProgressing, lasting ? kFalse : kTrue, reason_of(situation.table.verdict),
                     situation.table.message + notes);
  }
  return condition(kProgressing, kFalse, "Settled", "Nothing is left to be done." + notes);
}

// Why a pod that the table waits for can't be made.
const TemplateCheck* obstacle_to_pods(const Situation& situation) {
  const TableVerdict verdict = situation.table.verdict;
  const bool waits = verdict == TableVerdict::kWaiting || verdict == TableVerdict::kInstanceLost ||
                     verdict == TableVerdict::kRoleLost || verdict == TableVerdict::kPartial;
  if (!waits || !situation.frozen().empty()) return nullptr;
  const TemplateCheck* unknown = nullptr;
  for (const auto& [slot, pods] : situation.occupancy.slots) {
    if (!pods.wanted || pods.occupant != nullptr) continue;
    const TemplateCheck& check = situation.templates.at(slot.instance.role);
    if (check.verdict == TemplateCheck::Verdict::kInvalid) return &check;
    if (check.verdict == TemplateCheck::Verdict::kUnknown && unknown == nullptr) unknown = &check;
  }
  return unknown;
}

kube::Condition ready(const Situation& situation, const Rollout& rollout) {
  if (situation.table.verdict != TableVerdict::kPublished) {
    // That says more than that a table waits for the pod.
    const TemplateCheck* check = obstacle_to_pods(situation);
    if (check != nullptr) return condition(kReady, kFalse, check->reason, check->message);
    return condition(kReady, kFalse, reason_of(situation.table.verdict), situation.table.message);
  }
  const auto serves = [&](const Instance& one) { return situation.ready(one) && !situation.outdated(one); };
  const std::vector<Instance> idle = lacking(situation.deployment(), situation.occupancy.instances(), serves);
  if (!idle.empty()) {
    const std::string name = name_of(idle.front());
    return situation.ready(idle.front())
               ? condition(kReady, kFalse, "Outdated", sentence(name + " still runs the old template"))
               : condition(kReady, kFalse, "NotReady", sentence(name + " is not Ready"));
  }
  if (rollout.reason == "ScalingIn") return condition(kReady, kFalse, rollout.reason, rollout.message);
  return condition(kReady, kTrue, "Ready", "All instances are Ready, up to date and in the published table.");
}

}  // namespace

const Placement* worst_placement(const Situation& situation) {
  const Placement* waiting = nullptr;
  for (const auto& [slot, placement] : situation.placements) {
    if (slot.instance.role == Role::kScheduler || placement.server) continue;
    if (placement.problem == PlacementProblem::kUnbound) continue;
    if (placement.problem != PlacementProblem::kWaiting) return &placement;
    if (waiting == nullptr) waiting = &placement;
  }
  return waiting;
}

const kube::Condition* find_condition(const std::vector<kube::Condition>& conditions, std::string_view type) {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const kube::Condition& condition) { return condition.type == type; });
  return found == conditions.end() ? nullptr : &*found;
}

std::vector<kube::Condition> conditions_of(const Situation& situation, const Rollout& rollout) {
  std::vector<kube::Condition> conditions = {
      ready(situation, rollout),  available(situation),          progressing(situation, rollout),
      templates_valid(situation), devices_discovered(situation), ranktable_ready(situation),
      delivered(situation),
  };
  for (kube::Condition& made : conditions) {
    const kube::Condition* before = find_condition(situation.deployment().status.conditions, made.type);
    const bool flipped = before == nullptr || before->status != made.status || !before->since;
    made.since = flipped ? situation.now : *before->since;
    made.observed_generation = situation.deployment().meta.generation;
  }
  return conditions;
}

}  // namespace pd::plan
