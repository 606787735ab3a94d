#include "plan/table.h"

#include <algorithm>

#include "kube/json_members.h"
#include "plan/epoch.h"
#include "ranktable/diff.h"
#include "ranktable/validate.h"

namespace pd::plan {
namespace {

using std::chrono::seconds;

struct Missing {
  Instance instance;
  WallTime since;
  std::string digest;
};

class Decider {
 public:
  Decider(const Snapshot& snapshot, const Placements& placements, const StoredTable& stored, WallTime now)
      : deployment_(snapshot.deployment), pods_(snapshot.pods), placements_(placements), stored_(stored), now_(now) {}

  TableDecision decide() {
    if (stored_.foreign) {
      decision_.verdict = TableVerdict::kNameTaken;
      decision_.message = "ConfigMap " + config_map_name(deployment_) +
                          " belongs to somebody else: delete or rename it, or rename the deployment.";
      return std::move(decision_);
    }
    profile_ = live_profile(deployment_);
    if (profile_ == nullptr) {
      keep(TableVerdict::kProfileUnsupported, "Profile " + deployment_.ranktable.profile +
                                                  " is not served live: use AscendCloud, PerInstance or OmniK8s.");
    } else if (!scale_to_zero()) {
      sort_instances();
      decide_content();
    }
    number();
    find_listed();
    remember_left_out();
    return std::move(decision_);
  }

 private:
  void keep(TableVerdict verdict, std::string message) {
    decision_.verdict = verdict;
    decision_.message = std::move(message);
    decision_.completed = stored_.completed;
    // A table that somebody edited is not kept: what it says cannot be vouched for.
    decision_.content = stored_.completed ? stored_.content : initializing();
  }

  // Adopted pods that live go on finding a table under their names.
  TableContent initializing() const {
    TableContent content = initializing_content(deployment_);
    for (const auto& [slot, placement] : placements_) {
      if (placement.pod == nullptr || !adopts(deployment_, slot.instance.role)) continue;
      const std::string key = local_key(placement.pod->meta.name);
      if (stored_.content.contains(key)) content[key] = ranktable::initializing_document();
    }
    return content;
  }

  bool scale_to_zero() {
    for (const Role role : {Role::kPrefill, Role::kDecode}) {
      if (wanted_instances(deployment_, role) > 0) continue;
      decision_.verdict = TableVerdict::kScaledToZero;
      decision_.message =
          "The tables say initializing until " + std::string(name_of(role)) + ".instances is at least 1: it is 0.";
      decision_.content = initializing();
      return true;
    }
    return false;
  }

  void sort_instances() {
    std::vector<Instance> instances;
    for (const auto& [slot, placement] : placements_) {
      if (instances.empty() || instances.back() != slot.instance) instances.push_back(slot.instance);
    }
    for (const Instance& instance : instances) {
      std::optional<ranktable::Instance> placed = placed_instance(deployment_, placements_, instance);
      if (!placed) continue;
      if (adopts(deployment_, instance.role)) note_names(instance);
      found_.insert(instance);
      if (instance.role == Role::kScheduler) {
        placed_.schedulers = std::move(placed->servers);
      } else {
        (instance.role == Role::kPrefill ? placed_.prefill : placed_.decode).push_back(std::move(*placed));
      }
    }
    // Of an adopting role's instances beyond the wanted count, those are waited for that have had a table. The first
    // table waits for none of these: it may be another deployment's that they have had.
    const auto served = [&](const Instance& instance) { return !is_first() && has_served(instance); };
    const auto serves = [&](const Instance& instance) { return found_.contains(instance) || served(instance); };
    for (const Instance& instance : lacking(deployment_, instances, serves)) missing_.push_back(missed(instance));
    for (const Instance& instance : instances) {
      if (!found_.contains(instance) && served(instance)) missing_.push_back(missed(instance));
    }
    std::sort(missing_.begin(), missing_.end(),
              [](const Missing& a, const Missing& b) { return a.instance < b.instance; });
  }

  void note_names(const Instance& instance) {
    for (int pod = 0; pod < pods_per_instance(deployment_, instance.role); ++pod) {
      adopted_[name_of(instance)].push_back(placements_.at({instance, pod}).pod->meta.name);
    }
  }

  Missing missed(const Instance& instance) {
    const std::string name = name_of(instance);
    for (const kube::MissingInstance& known : deployment_.status.ranktable.missing) {
      if (known.instance == name) return {instance, is_coming() ? now_ : std::min(known.since, now_), known.digest};
    }
    if (!listed_) listed_ = digests_of_listed(deployment_, placements_, stored_);
    const auto listed = listed_->find(name);
    return {instance, now_, listed == listed_->end() ? "" : listed->second};
  }

  bool has_served(const Instance& instance) const {
    for (int pod = 0; pod < pods_per_instance(deployment_, instance.role); ++pod) {
      const auto placement = placements_.find({instance, pod});
      if (placement == placements_.end() || placement->second.pod == nullptr) return false;
      if (!had_table(*placement->second.pod)) return false;
    }
    return true;
  }

  // Peers that are restarted come one after another, as their predecessors end. Each that comes gives the others their
  // time anew: whom the table of an epoch leaves out is new to it, and restarts all once more.
  bool is_coming() const {
    if (!restarts_peers()) return false;
    const std::vector<kube::MissingInstance>& before = deployment_.status.ranktable.missing;
    return std::any_of(found_.begin(), found_.end(), [&](const Instance& found) {
      return std::any_of(before.begin(), before.end(),
                         [&](const kube::MissingInstance& known) { return known.instance == name_of(found); });
    });
  }

  // The table of this epoch is not published yet.
  bool restarts_peers() const { return stored_.epoch && *stored_.epoch < deployment_.status.ranktable.epoch; }

  // publishedAt outlives a ConfigMap that somebody deleted; only a role scaled to 0 clears it.
  bool is_first() const { return !stored_.completed && !deployment_.status.ranktable.published_at; }

  void decide_content() {
    const bool positional = is_positional(deployment_);
    if (!missing_.empty() && is_first() && (positional || deployment_.ranktable.publish_policy != "Available")) {
      return keep(TableVerdict::kWaiting, "The first table waits for " + what_is_missing());
    }
    Result<ranktable::Documents> documents = profile_->render(placed_);
    if (documents) {
      documents_ = *std::move(documents);
    } else if (missing_.empty() || !positional) {  // else what is missing is the reason
      return keep(TableVerdict::kRejected, "The table is not published: " + documents.error().message + ".");
    }
    if (missing_.empty()) return publish(TableVerdict::kPublished);
    const std::string why = what_is_missing();
    WallTime deadline = now_;
    for (const Missing& missing : missing_) {
      decision_.missing.push_back({name_of(missing.instance), missing.since, missing.digest});
      deadline = std::max(deadline, missing.since + grace_of(missing.instance));
    }
    const std::string until = stored_.completed ? "The last table is kept" : "No table is published";
    const bool waits = positional || deadline > now_;
    decision_.would_be_too_large = waits && any_restarts(deployment_) && would_be_too_large();
    if (positional) {
      return keep(TableVerdict::kInstanceLost,
                  until + ", since profile " + deployment_.ranktable.profile + " lists every instance or none; " + why);
    }
    if (deadline > now_) {
      decision_.due = deadline;
      return keep(TableVerdict::kInstanceLost,
                  until + " until " + format_rfc3339(deadline) + " while waiting for " + why);
    }
    if (lacks_a_role()) {
      const std::string role = placed_.schedulers.empty() ? "scheduler"
                               : placed_.prefill.empty()  ? "prefill"
                                                          : "decode";
      return keep(TableVerdict::kRoleLost, until + ", since no " + role + " instance is placed; " + why);
    }
    publish(TableVerdict::kPartial);
  }

  // A table that is kept lacks also those that have come back since it went on without them.
  void remember_left_out() {
    if (!decision_.completed || restarts_peers()) return;
    std::set<std::string> back;
    for (const Instance& instance : found_) {
      if (!decision_.listed.contains(instance)) back.insert(name_of(instance));
    }
    for (const kube::MissingInstance& known : deployment_.status.ranktable.missing) {
      if (!known.digest.empty() && back.contains(known.instance)) decision_.missing.push_back(known);
    }
  }

  bool lacks_a_role() const { return placed_.schedulers.empty() || placed_.prefill.empty() || placed_.decode.empty(); }

  // Its agent puts a node's annotations right within a minute, and the pods serve meanwhile: whoever edits one
  // annotation must not take the instances of a node out of the table.
  seconds grace_of(const Instance& instance) const {
    constexpr seconds kMendedByAgent{90};
    seconds grace(std::max(0, deployment_.ranktable.lost_grace_seconds));
    // Before a successor can come, its predecessor has to end.
    if (restarts_peers()) grace += time_to_end(instance.role);
    const Placement* found = obstacle(deployment_, placements_, instance);
    if (found == nullptr || found->pod == nullptr || !had_table(*found->pod)) return grace;
    const bool is_silent =
        found->problem == PlacementProblem::kNodeSilent || found->problem == PlacementProblem::kBadAnnotation;
    return is_silent ? std::max(grace, kMendedByAgent) : grace;
  }

  seconds time_to_end(Role role) const {
    constexpr int kLongest = 300;  // one that is lost for good must not hold up the others for longer
    const Json& spec = kube::object_member(spec_of(deployment_, role).pod_template, "spec");
    return seconds(std::clamp(kube::small_member(spec, "terminationGracePeriodSeconds", 30), 0, kLongest));
  }

  std::string what_is_missing() const {
    return name_of(missing_.front().instance) + ": " + reason_for(missing_.front().instance) + ".";
  }

  std::string reason_for(const Instance& instance) const {
    const Placement* found = obstacle(deployment_, placements_, instance);
    return found == nullptr ? "it is not placed" : found->reason;
  }

  void publish(TableVerdict verdict) {
    TableContent content = completed_content(deployment_, placed_, documents_, adopted_);
    if (!stored_.genuine || content != stored_.content) {
      note_unchanged();
      const std::size_t bytes = bytes_of(content);
      if (bytes > kMaxTableBytes) {
        return keep(TableVerdict::kTooLarge, "The tables have " + std::to_string(bytes) + " bytes and only " +
                                                 std::to_string(kMaxTableBytes) +
                                                 " fit in a ConfigMap: use fewer instances per deployment.");
      }
      const std::vector<ranktable::Finding> findings =
          ranktable::validate_documents(not_yet_judged(), *profile_, profile_->rules);
      if (!findings.empty()) {
        const std::string more =
            findings.size() > 1 ? " (and " + std::to_string(findings.size() - 1) + " more findings)" : "";
        return keep(TableVerdict::kRejected, "The table is not published: " + to_string(findings.front()) + more + ".");
      }
    }
    decision_.verdict = verdict;
    decision_.completed = true;
    decision_.content = std::move(content);
    describe_published();
    describe_changes();
  }

  // A table of all, each of what is missing as large as what is placed.
  bool would_be_too_large() const {
    if (documents_.global.empty() || lacks_a_role()) return false;
    const std::size_t empty = bytes_of(initializing_content(deployment_));
    const std::size_t bytes = bytes_of(completed_content(deployment_, placed_, documents_, adopted_));
    const std::size_t each = (bytes - std::min(bytes, empty)) / found_.size();
    return empty + each * (found_.size() + missing_.size()) > kMaxTableBytes;
  }

  // A local table that was stored before was judged then.
  ranktable::Documents not_yet_judged() const {
    ranktable::Documents rest = documents_;
    std::erase_if(rest.locals, [&](const auto& local) { return unchanged_.contains(local.first); });
    return rest;
  }

  ranktable::Membership changed() const {
    ranktable::Membership rest = placed_;
    if (unchanged_.contains(name_of(Instance{Role::kScheduler, 0}))) rest.schedulers.clear();
    for (auto* role : {&rest.prefill, &rest.decode}) {
      std::erase_if(*role, [&](const ranktable::Instance& instance) { return unchanged_.contains(instance.name); });
    }
    return rest;
  }

  void describe_changes() {
    constexpr std::size_t kShown = 5;
    if (!stored_.completed || decision_.content == stored_.content) return;
    const std::vector<ranktable::Change> changes =
        ranktable::diff(membership_of(stored_.content, decision_.content), changed(), ranktable::Names::kReal);
    for (std::size_t i = 0; i < std::min(changes.size(), kShown); ++i) {
      decision_.changes += (i == 0 ? "" : "; ") + changes[i].text;
    }
    if (changes.size() > kShown) decision_.changes += "; and " + std::to_string(changes.size() - kShown) + " more";
  }

  void describe_published() {
    const std::string count = std::to_string(placed_.prefill.size()) + " prefill and " +
                              std::to_string(placed_.decode.size()) + " decode instances with " +
                              std::to_string(npus_of(decision_.content)) + " NPUs";
    if (missing_.empty()) {
      decision_.message = "The table lists " + count + ".";
      return;
    }
    const Instance& instance = missing_.front().instance;
    decision_.message =
        "The table lists " + count + " and goes on without " + name_of(instance) + ": " + reason_for(instance) + ".";
  }

  // S4: a number is used once. While our ConfigMap is there it counts on; where it is gone or unreadable, any number up
  // to the reserved ceiling may have been seen by somebody.
  void number() {
    const kube::RanktableStatus& known = deployment_.status.ranktable;
    // The first table of an epoch is written also where it says the same: by its epoch it tells that peers have
    // started.
    const bool decided = decision_.verdict == TableVerdict::kPublished || decision_.verdict == TableVerdict::kPartial;
    const bool new_epoch = decided && stored_.epoch && *stored_.epoch < known.epoch;
    // A table that is only kept does not tell that: it leaves those to be restarted that still are.
    decision_.epoch = decided ? known.epoch : stored_.epoch.value_or(known.epoch);
    decision_.write = !stored_.intact || decision_.content != stored_.content || new_epoch;
    decision_.digest = decision_.content == stored_.content ? stored_.digest : digest_of(decision_.content);
    if (!decision_.write) {
      decision_.generation = *stored_.generation;
      return;
    }
    if (stored_.exists && stored_.generation) {
      decision_.generation = *stored_.generation + 1;
    } else if (!stored_.exists && known.generation_ceiling == 0 && known.generation == 0) {
      decision_.generation = after_seen_by_pods();
    } else {
      decision_.generation = std::max(known.generation_ceiling, known.generation) + 1;
    }
    decision_.reserve = !stored_.exists || decision_.generation > known.generation_ceiling;
  }

  // Never had one; but adopted pods outlive a deployment, and have seen the tables of the one before under its numbers.
  // That one may have ended before it touched them: its last number is within what it had reserved.
  std::int64_t after_seen_by_pods() const {
    constexpr std::int64_t kMost = std::int64_t{1} << 40;  // anybody may write annotations
    std::int64_t next = 0;
    for (const kube::Pod& pod : pods_) {
      const auto seen = parse_number(pod.meta.annotation(kube::kPodGenerationAnnotation));
      if (seen && *seen < kMost) next = std::max(next, static_cast<std::int64_t>(*seen) + 1 + kReserveAhead);
    }
    return next;
  }

  void note_unchanged() {
    if (!stored_.completed) return;
    for (const Instance& instance : found_) {
      if (is_in(stored_.content, instance)) unchanged_.insert(name_of(instance));
    }
  }

  // By content, not by name: a replacement at the same address with the same devices is listed without a new table.
  void find_listed() {
    if (!decision_.completed || profile_ == nullptr) return;
    for (const Instance& instance : found_) {
      if (is_in(decision_.content, instance)) decision_.listed.insert(instance);
    }
  }

  // Whether its pods read there what has been rendered for it.
  bool is_in(const TableContent& content, const Instance& instance) const {
    const auto local = documents_.locals.find(name_of(instance));
    if (instance.role != Role::kScheduler && local == documents_.locals.end()) return false;
    const std::string& document = instance.role == Role::kScheduler ? documents_.host : local->second;
    const std::vector<std::string> keys = keys_of(instance);
    return std::all_of(keys.begin(), keys.end(), [&](const std::string& key) {
      const auto held = content.find(key);
      return held != content.end() && held->second == document;
    });
  }

  // Under which its pods read their table.
  std::vector<std::string> keys_of(const Instance& instance) const {
    const auto pods = adopted_.find(name_of(instance));
    if (pods == adopted_.end()) return {local_key(instance)};
    std::vector<std::string> keys;
    for (const std::string& pod : pods->second) keys.push_back(local_key(pod));
    return keys;
  }

  const kube::PDDeployment& deployment_;
  const Pods& pods_;
  const Placements& placements_;
  const StoredTable& stored_;
  WallTime now_;
  const ranktable::Profile* profile_ = nullptr;
  std::set<Instance> found_;         // all of whose pods are placed
  AdoptedNames adopted_;             // of those
  ranktable::Membership placed_;     // what there is of it
  ranktable::Documents documents_;   // of that
  std::set<std::string> unchanged_;  // instances whose stored table is the one that was rendered
  std::vector<Missing> missing_;
  std::optional<std::map<std::string, std::string>> listed_;  // digests, once they were needed
  TableDecision decision_;
};

}  // namespace

std::string_view reason_of(TableVerdict verdict) {
  switch (verdict) {
    case TableVerdict::kPublished:
      return "Published";
    case TableVerdict::kPartial:
      return "Partial";
    case TableVerdict::kWaiting:
      return "WaitingForInstances";
    case TableVerdict::kInstanceLost:
      return "InstanceLost";
    case TableVerdict::kRoleLost:
      return "RoleLost";
    case TableVerdict::kScaledToZero:
      return "ScaledToZero";
    case TableVerdict::kRejected:
      return "Rejected";
    case TableVerdict::kTooLarge:
      return "TooLarge";
    case TableVerdict::kProfileUnsupported:
      return "ProfileUnsupported";
    case TableVerdict::kNameTaken:
      return "NameTaken";
  }
  return "Unknown";
}

const ranktable::Profile* live_profile(const kube::PDDeployment& deployment) {
  // The library renders more than can be served: MindIE needs a controller, the others have no global table of groups.
  const std::string& name = deployment.ranktable.profile;
  return name == "AscendCloud" || is_positional(deployment) ? ranktable::find_profile(name) : nullptr;
}

TableDecision decide_table(const Snapshot& snapshot, const Placements& placements, const StoredTable& stored,
                           WallTime now) {
  return Decider(snapshot, placements, stored, now).decide();
}

}  // namespace pd::plan
