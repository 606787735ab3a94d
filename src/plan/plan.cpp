#include "plan/plan.h"

#include <algorithm>
#include <set>

#include "plan/budgets.h"
#include "plan/conditions.h"
#include "plan/config_map.h"
#include "plan/delivery.h"
#include "plan/pods.h"
#include "plan/rollout.h"
#include "plan/services.h"
#include "plan/situation.h"
#include "plan/status.h"
#include "plan/touch.h"

namespace pd::plan {
namespace {

// The order is a matter of safety and of what must not hold up what. The table and its touches come first: no quota
// that refuses a pod may keep peers from learning of each other. The status comes before the creates, since it records
// their incarnations (S6), and tells people why a create might fail. Services and budgets come last: a port that the
// API server refuses must not keep pods from starting.
class Composer {
 public:
  Composer(const Snapshot& snapshot, WallTime now) : situation_(assess(snapshot, now)) {}

  Plan compose() {
    plan_.deliveries = delivery_targets(situation_);
    plan_.dry_runs = std::move(situation_.dry_runs);
    for (const auto& [slot, placement] : situation_.placements) {
      if (placement.pod != nullptr && is_refusal(placement.problem)) {
        plan_.rejected.emplace(placement.pod->meta.uid, reason_of(placement.problem));
      }
    }
    if (!situation_.raise_epoch.empty()) {
      // Before anything else: what is made from now on is of the next epoch.
      plan_.haste = Haste::kNow;
      add(WriteStatus{raised_status(situation_)});
      add(EmitEvent{false, "InstanceRestarted", "Restart", situation_.raise_epoch, std::nullopt});
      return std::move(plan_);
    }
    if (situation_.table.write && (situation_.table.reserve || !has_places(situation_))) {
      // The number may be beyond what is stored, or a place: store it, write, and let the next plan see to the rest.
      add(WriteStatus{reserved_status(situation_)});
      write_table();
      for (EmitEvent& event : adoption_events(situation_)) add(std::move(event));
      return std::move(plan_);
    }
    const Rollout rollout = plan_rollout(situation_);
    if (situation_.table.write) write_table();
    touch(rollout);
    for (const kube::Pod* pod : rollout.deletes) {
      add(DeletePod{pod->meta.name, pod->meta.uid, pod->meta.resource_version});
    }
    write_status(rollout);
    create_pods(rollout);
    if (situation_.table.verdict != TableVerdict::kNameTaken) {
      for (Action& change : service_changes(situation_.snapshot, is_scheduler_settled())) add(std::move(change));
      for (Action& change : budget_changes(situation_.snapshot)) add(std::move(change));
    }
    due(rollout.due);
    due(situation_.adoption.due);
    due(situation_.table.due);
    due(situation_.unscheduled_due);
    return std::move(plan_);
  }

 private:
  template <typename One>
  void add(One action) {
    plan_.actions.emplace_back(std::move(action));
  }

  // An entry to ports that no pod has yet, or may never have, would cut off those that call one that serves.
  bool is_scheduler_settled() const {
    const TemplateCheck& check = situation_.templates.at(Role::kScheduler);
    return check.verdict == TemplateCheck::Verdict::kValid && situation_.frozen().empty() &&
           !situation_.outdated({Role::kScheduler, 0});
  }

  void due(std::optional<WallTime> time) {
    if (!time) return;
    const Duration wait = std::max<Duration>(std::chrono::seconds(1), *time - situation_.now);
    plan_.requeue_after = plan_.requeue_after ? std::min(*plan_.requeue_after, wait) : wait;
  }

  void write_table() {
    const std::optional<kube::ConfigMap>& map = situation_.snapshot.config_map;
    const TableDecision& table = situation_.table;
    Json object =
        config_map_object(situation_.deployment(), table.content, {table.generation, table.epoch, table.digest},
                          map ? map->meta.resource_version : "");
    if (map) {
      add(ReplaceConfigMap{std::move(object)});
    } else {
      add(CreateConfigMap{std::move(object)});
    }
  }

  void touch(const Rollout& rollout) {
    std::set<std::string> deleted;
    for (const kube::Pod* pod : rollout.deletes) deleted.insert(pod->meta.uid);
    Touches touches = plan_touches(situation_);
    for (TouchPod& pod : touches.pods) {
      // A touch changes the resourceVersion that the deletion is for.
      if (!deleted.contains(pod.uid)) add(std::move(pod));
    }
    due(touches.due);
  }

  void write_status(const Rollout& rollout) {
    kube::PDDeploymentStatus next = next_status(situation_, rollout);
    if (same_status(next, situation_.deployment().status)) return;
    std::vector<EmitEvent> events = transition_events(situation_, next);
    const bool begins_a_grace = next.ranktable.missing != situation_.deployment().status.ranktable.missing;
    if (turns(next, kReady) || turns(next, kAvailable) || begins_a_grace) plan_.haste = Haste::kSoon;
    add(WriteStatus{std::move(next)});
    for (EmitEvent& event : events) add(std::move(event));
  }

  bool turns(const kube::PDDeploymentStatus& next, std::string_view type) const {
    const kube::Condition* before = find_condition(situation_.deployment().status.conditions, type);
    return before == nullptr || before->status != find_condition(next.conditions, type)->status;
  }

  void create_pods(const Rollout& rollout) {
    std::vector<EmitEvent> events;
    for (const NewPod& made : rollout.creates) {
      const TemplateCheck& check = situation_.templates.at(made.slot.instance.role);
      add(CreatePod{pod_object(situation_.snapshot, made.slot, made.incarnation, check,
                               situation_.hashes.at(made.slot.instance.role))});
      if (made.incarnation == 1) continue;
      events.push_back({false, "InstanceReplaced", "CreatePod",
                        name_of(made.slot.instance) + " gets pod " +
                            pod_name(situation_.deployment().meta.name, made.slot, made.incarnation) +
                            " in place of an earlier one.",
                        std::nullopt});
    }
    for (EmitEvent& event : events) add(std::move(event));
  }

  Situation situation_;
  Plan plan_;
};

}  // namespace

Plan plan(const Snapshot& snapshot, WallTime now) {
  // The garbage collector removes what the owner references name.
  if (snapshot.deployment.meta.deleted) return {};
  return Composer(snapshot, now).compose();
}

}  // namespace pd::plan
