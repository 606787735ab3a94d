#include "plan/rollout.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "plan/epoch.h"
#include "plan/restart_scope.h"

namespace pd::plan {
namespace {

using std::chrono::seconds;

constexpr std::chrono::minutes kRestartsForgottenAfter{10};
// Of a role. Of a large deployment's first pods, more in one plan would be much memory, and nothing else could be done
// meanwhile.
constexpr std::size_t kMostCreates = 16;

// "2" or "25%" of the instances, rounded down, but at least one: a rollout must be able to go on.
int max_unavailable(const std::string& text, int instances) {
  std::int64_t value = 1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || value > 1000000) return 1;
  if (end != text.data() + text.size() && *end == '%') value = value * instances / 100;
  return static_cast<int>(std::max<std::int64_t>(1, value));
}

seconds delay_after(const kube::RoleSpec& role, int failures) {
  const std::int64_t longest = std::max(1, role.max_backoff_seconds);
  std::int64_t delay = std::max(1, role.backoff_seconds);
  for (int i = 1; i < failures && delay < longest; ++i) delay *= 2;
  return seconds(std::min(delay, longest));
}

class Planner {
 public:
  explicit Planner(const Situation& situation) : situation_(situation), deployment_(situation.deployment()) {
    std::set<std::string> slots;
    for (const auto& [slot, pods] : situation.occupancy.slots) {
      if (!adopts(deployment_, slot.instance.role)) own_slots_.emplace(slot, pods);
      slots.insert(name_of(slot));
    }
    for (const kube::Incarnation& known : deployment_.status.incarnations) {
      if (slots.contains(known.slot)) rollout_.incarnations.push_back(known);
    }
    keep_restarts();
  }

  Rollout plan() {
    if (situation_.frozen().empty() && situation_.stored.exists) {
      remove_surplus();
      remove_dead();
      remove_unwanted();
      restart_peers();
      restart_instances();
      for (const Role role : kRoles) {
        if (!adopts(deployment_, role)) replace_outdated(role);
      }
      create_missing();
    }
    if (rollout_.reason.empty()) note_waiting();
    return std::move(rollout_);
  }

 private:
  // The first thing found is what the condition names.
  void progress(const std::string& reason, const std::string& message) {
    if (!rollout_.reason.empty()) return;
    rollout_.reason = reason;
    rollout_.message = message;
  }

  void due(WallTime time) { rollout_.due = rollout_.due ? std::min(*rollout_.due, time) : time; }

  // Failures are forgotten after ten minutes in which the instance was not restarted, once it is Ready.
  void keep_restarts() {
    for (const kube::InstanceRestarts& known : deployment_.status.restarts) {
      for (const Instance& instance : wanted(deployment_)) {
        if (name_of(instance) != known.instance) continue;
        const kube::InstanceRestarts kept = within_reach(known, spec_of(deployment_, instance.role));
        const WallTime forgotten = kept.next_attempt.value_or(situation_.now) + kRestartsForgottenAfter;
        if (situation_.ready(instance) && situation_.now >= forgotten) continue;
        if (situation_.ready(instance)) due(forgotten);
        rollout_.restarts.push_back(kept);
      }
    }
  }

  // No attempt is farther away than its delay, whatever clock somebody had who wrote it down.
  kube::InstanceRestarts within_reach(kube::InstanceRestarts known, const kube::RoleSpec& role) const {
    const WallTime latest = situation_.now + delay_after(role, known.count);
    if (known.next_attempt) known.next_attempt = std::min(*known.next_attempt, latest);
    return known;
  }

  kube::InstanceRestarts* restarts_of(const std::string& instance) {
    for (kube::InstanceRestarts& known : rollout_.restarts) {
      if (known.instance == instance) return &known;
    }
    return nullptr;
  }

  // Whether a failed pod's replacement must wait; otherwise this attempt is counted.
  bool delayed(const Instance& instance) {
    if (retried_.contains(instance)) return false;  // another pod of it: they failed together
    const std::string name = name_of(instance);
    kube::InstanceRestarts* known = restarts_of(name);
    if (known != nullptr && known->next_attempt && *known->next_attempt > situation_.now) {
      due(*known->next_attempt);
      progress("BackOff", name + " is retried at " + format_rfc3339(*known->next_attempt) + " after " +
                              std::to_string(known->count) + " failures of its pods: see why they failed.");
      return true;
    }
    if (known == nullptr) {
      rollout_.restarts.push_back({name, 0, std::nullopt});
      known = &rollout_.restarts.back();
    }
    retried_.insert(instance);
    ++known->count;
    known->next_attempt = situation_.now + delay_after(spec_of(deployment_, instance.role), known->count);
    return false;
  }

  bool waits_for_gone(const Slot& slot) const {
    return spec_of(deployment_, slot.instance.role).pod_replacement_policy == "Gone";
  }

  void remove_surplus() {
    for (const auto& [slot, pods] : own_slots_) {
      for (const kube::Pod* pod : pods.surplus) rollout_.deletes.push_back(pod);
    }
  }

  // A dead pod stays until its successor is there: it is what tells a failure from a deletion.
  void remove_dead() {
    for (const auto& [slot, pods] : own_slots_) {
      if (pods.dead.empty()) continue;
      const bool succeeded = pods.occupant != nullptr || !pods.wanted;
      if (!succeeded && (!waits_for_gone(slot) || delayed(slot.instance))) continue;
      for (const kube::Pod* pod : pods.dead) rollout_.deletes.push_back(pod);
    }
  }

  // S11: first the table without the instance, and when the ConfigMap holds that, its pods. One that no table lists
  // goes at once: it may hold the NPUs of those for which the table waits.
  void remove_unwanted() {
    for (const auto& [slot, pods] : own_slots_) {
      if (pods.wanted || pods.occupant == nullptr) continue;
      const std::string name = name_of(slot.instance);
      // Where its instance stays, another of its pods may have the same address, that of the host.
      const bool has_left = situation_.table.listed.contains(slot.instance);
      const bool listed = !has_left && situation_.stored.lists(slot.instance, *pods.occupant);
      if (!situation_.stored.genuine || listed) {
        progress("ScalingIn", name + " is removed as soon as a table without it is published.");
        continue;
      }
      progress("ScalingIn", "The pods of " + name + " are being removed.");
      rollout_.deletes.push_back(pods.occupant);
    }
  }

  // All together: maxUnavailable is for updates, and one that serves with an old table is of no use to its peers.
  void restart_peers() {
    for (const auto& [slot, pods] : own_slots_) {
      if (!pods.wanted || pods.occupant == nullptr) continue;
      if (!is_of_old_epoch(deployment_, slot.instance.role, *pods.occupant, situation_.stored)) continue;
      if (!situation_.lacking.empty()) {
        progress("RestartingPeers", "Pods of roles with onPeerChange: Restart are replaced when " + situation_.lacking +
                                        " is placed, since the profile lists every instance or none.");
        continue;
      }
      if (!has_a_successor(slot.instance, *pods.occupant)) {
        progress("TryingTemplate", "Pods of " + std::string(name_of(slot.instance.role)) +
                                       " restart, since a peer has changed, when the API server takes their template.");
        continue;
      }
      progress("RestartingPeers", "Pods of roles with onPeerChange: Restart are replaced, since a peer has changed.");
      rollout_.deletes.push_back(pods.occupant);
      restarted_.insert(pods.occupant->meta.uid);
    }
  }

  // Another pod would be made in its place.
  bool has_a_successor(const Instance& instance, const kube::Pod& pod) const {
    const TemplateCheck& check = situation_.templates.at(instance.role);
    if (check.verdict != TemplateCheck::Verdict::kValid) return false;
    return check.dry_run.answer != DryRun::Answer::kNone || !situation_.outdated(instance.role, pod);
  }

  void restart_instances() {
    for (const auto& [slot, pods] : own_slots_) {
      if (!is_left_behind(deployment_, situation_.occupancy, slot, pods)) continue;
      progress("RestartingInstance", "All pods of " + name_of(slot.instance) +
                                         " are replaced, since one of them was, as restart.scope says.");
      if (restarted_.insert(pods.occupant->meta.uid).second) rollout_.deletes.push_back(pods.occupant);
    }
  }

  std::vector<Instance> instances_of(Role role) const {
    std::vector<Instance> instances;
    for (const Instance& instance : wanted(deployment_)) {
      if (instance.role == role) instances.push_back(instance);
    }
    return instances;
  }

  void replace_outdated(Role role) {
    const TemplateCheck& check = situation_.templates.at(role);
    if (check.verdict != TemplateCheck::Verdict::kValid) return;
    const std::vector<Instance> instances = instances_of(role);
    int unavailable = 0;
    bool new_size = false;
    for (const Instance& instance : instances) {
      if (!situation_.available(instance)) ++unavailable;
      for_each_outdated(instance, [&](const kube::Pod& pod) {
        // Two sizes never fit in one table (rule 8), so a new size replaces all at once.
        new_size = new_size || is_outsized(pod, deployment_, role);
      });
    }
    const int allowed = max_unavailable(spec_of(deployment_, role).max_unavailable, static_cast<int>(instances.size()));
    // From the last to the first, as StatefulSets do.
    for (auto instance = instances.rbegin(); instance != instances.rend(); ++instance) {
      if (!situation_.outdated(*instance)) continue;
      if (check.dry_run.answer == DryRun::Answer::kNone) {
        return progress("TryingTemplate", "Pods of the old template of " + std::string(name_of(role)) +
                                              " are replaced when the API server has said whether it takes the new "
                                              "ones.");
      }
      const bool available = situation_.available(*instance);
      // One that does not serve anyway costs nothing.
      const bool serves = situation_.ready(*instance) && !is_left_out(*instance) && !is_refused_for_good(*instance);
      if (!new_size && serves && is_table_kept_for_others(*instance)) {
        progress("RollingUpdate",
                 "Pods of the old template of " + std::string(name_of(role)) +
                     " are replaced when a table can list their successors: " + situation_.table.message);
        continue;
      }
      progress("RollingUpdate", "Pods of the old template of " + std::string(name_of(role)) + " are being replaced.");
      // One that is counted as unavailable is not in its own way.
      if (!new_size && serves && (available ? unavailable >= allowed : unavailable > allowed)) continue;
      if (available) ++unavailable;
      for_each_outdated(*instance, [&](const kube::Pod& pod) {
        if (!restarted_.contains(pod.meta.uid)) rollout_.deletes.push_back(&pod);
      });
    }
    remove_outsized_unwanted(role);
  }

  // The instance serves with the last table, which is kept since others are missing. Its successor would have another
  // address, and find no table until they are there. Of a positional profile, where that has no end, only a change of
  // the counts waits: another template may be what makes room for those that are missing.
  bool is_table_kept_for_others(const Instance& instance) const {
    if (!situation_.stored.completed || situation_.table.verdict != TableVerdict::kInstanceLost) return false;
    bool waits = obstacle(deployment_, situation_.placements, instance) == nullptr;
    if (!is_positional(deployment_)) return waits;
    for_each_outdated(instance, [&](const kube::Pod& pod) {
      waits = waits && !is_outdated(pod, situation_.hashes_as_listed.at(instance.role));
    });
    return waits;
  }

  // They hold NPUs that those of the new size need. None of the old size is left by now that a table could list.
  void remove_outsized_unwanted(Role role) {
    for (const auto& [slot, pods] : own_slots_) {
      if (slot.instance.role != role || pods.wanted || pods.occupant == nullptr) continue;
      if (!is_outsized(*pods.occupant, deployment_, role) || is_deleted(*pods.occupant)) continue;
      rollout_.deletes.push_back(pods.occupant);
    }
  }

  bool is_deleted(const kube::Pod& pod) const {
    return std::find(rollout_.deletes.begin(), rollout_.deletes.end(), &pod) != rollout_.deletes.end();
  }

  // Its peers see a table without it.
  bool is_left_out(const Instance& instance) const {
    const kube::Pod* pod = situation_.occupancy.occupant({instance, 0});
    return situation_.stored.completed && pod != nullptr && !situation_.stored.lists(instance, *pod);
  }

  // It can't be placed, and its grace is over; no table is published, for its role or another has no instance left.
  bool is_refused_for_good(const Instance& instance) const {
    return situation_.table.verdict == TableVerdict::kRoleLost &&
           obstacle(deployment_, situation_.placements, instance) != nullptr;
  }

  template <typename Visit>
  void for_each_outdated(const Instance& instance, Visit visit) const {
    for (int index = 0; index < pods_per_instance(deployment_, instance.role); ++index) {
      const kube::Pod* pod = situation_.occupancy.occupant({instance, index});
      if (pod != nullptr && situation_.outdated(instance.role, *pod)) visit(*pod);
    }
  }

  void create_missing() {
    for (const auto& [slot, pods] : own_slots_) {
      if (!pods.wanted || pods.occupant != nullptr) continue;
      const TemplateCheck& check = situation_.templates.at(slot.instance.role);
      if (check.verdict != TemplateCheck::Verdict::kValid) continue;
      if (waits_for_gone(slot) && (!pods.dead.empty() || !pods.terminating.empty())) {
        const kube::Pod* old = pods.terminating.empty() ? pods.dead.front() : pods.terminating.front();
        progress("WaitingForRemoval", name_of(slot.instance) + " gets its new pod when pod " + old->meta.name +
                                          " is gone, as podReplacementPolicy says.");
        continue;
      }
      create(slot, pods);
    }
  }

  void create(const Slot& slot, const SlotPods& pods) {
    const Succession next = next_together(deployment_, situation_.occupancy, slot, pods);
    if (!next.recorded) {
      // The record is the decision: once it is there, a crash must not delay the successor again.
      if (!pods.dead.empty() && delayed(slot.instance)) return;
      record(slot, next.incarnation);
    }
    // Each that is made is a reason for the next plan. One where none is must keep to the back-off.
    const Role role = slot.instance.role;
    if (made_[role]++ < kMostCreates) rollout_.creates.push_back({slot, next.incarnation});
  }

  void record(const Slot& slot, std::int64_t incarnation) {
    const std::string name = name_of(slot);
    for (kube::Incarnation& known : rollout_.incarnations) {
      if (known.slot != name) continue;
      known.last = incarnation;
      return;
    }
    rollout_.incarnations.push_back({name, incarnation});
  }

  // Nothing is left to be changed: what is not placed or not Ready yet is waited for.
  void note_waiting() {
    const std::vector<Instance> instances = situation_.occupancy.instances();
    const auto placed = [&](const Instance& instance) {
      return situation_.templates.at(instance.role).verdict == TemplateCheck::Verdict::kValid &&
             obstacle(deployment_, situation_.placements, instance) == nullptr;
    };
    if (const auto waiting = lacking(deployment_, instances, placed); !waiting.empty()) {
      const TemplateCheck& check = situation_.templates.at(waiting.front().role);
      if (check.verdict != TemplateCheck::Verdict::kValid) return progress(check.reason, check.message);
      const Placement* unplaced = obstacle(deployment_, situation_.placements, waiting.front());
      return progress("Placing", name_of(waiting.front()) + " waits: " + unplaced->reason + ".");
    }
    if (!situation_.table.completed && situation_.table.verdict != TableVerdict::kRejected) return;
    const auto ready = [&](const Instance& instance) { return situation_.ready(instance); };
    if (const auto starting = lacking(deployment_, instances, ready); !starting.empty()) {
      progress("Starting", name_of(starting.front()) + " is placed and waits for its pods to be Ready.");
    }
  }

  const Situation& situation_;
  const kube::PDDeployment& deployment_;
  std::map<Slot, SlotPods> own_slots_;  // adopted pods are none of ours to make or to delete
  std::set<std::string> restarted_;     // UIDs
  std::set<Instance> retried_;          // whose failure is counted
  std::map<Role, std::size_t> made_;    // how many pods are to be
  Rollout rollout_;
};

}  // namespace

Rollout plan_rollout(const Situation& situation) { return Planner(situation).plan(); }

}  // namespace pd::plan
