#!/usr/bin/env python3
"""Puts deliberate faults into runtime, planner and operator, one at a time, and sees that the tests find each.

  scripts/mutations.py [NAME...]     all of them, or those named, or those of a group (runtime, operator)

Works on a copy of the sources for each core, in build/mutations. A fault that no test finds, or whose place is no longer in
the code, is a failure."""
import concurrent.futures
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
COPIES = ROOT / "build" / "mutations"
RUNTIME = "src/runtime/"
PLAN = "src/plan/"
OPERATOR = "operator/"
SEEDS = "120"

# name: (file, what is there, what takes its place)
RUNTIME_FAULTS = {
    "events-lengthen-the-back-off": (RUNTIME + "work_queue.cpp", "if (time_.now() >= failures.due) failures.due", "failures.due"),
    "pages-for-a-server-that-has-too-much-to-do": (RUNTIME + "watcher.cpp", "if (says_of_version(stream.error())) streaming_ =", "streaming_ ="),
    "no-relist-on-410": (RUNTIME + "watcher.cpp", "if (error.code == Code::kGone) {", "if (error.code == Code::kGone && false) {"),
    "skips-what-it-cant-read": (RUNTIME + "watcher.cpp", "if (!event) return stale(", "if (!event) return Ok{}; else if (false) return stale("),
    "drops-bookmarks": (RUNTIME + "watcher.cpp", "  version_ = version;\n  ++events;", '  if (type != "BOOKMARK") version_ = version;\n  ++events;'),
    "tells-repeats-again": (RUNTIME + "watcher.cpp", "if (!version_less(version_, version)) return Ok{};", ""),
    "any-bookmark-ends-the-list": (RUNTIME + "watcher.cpp", "if (line.find(kInitialEventsEnd) == std::string::npos) return goes_on;", ""),
    "half-a-stream-is-a-list": (RUNTIME + "watcher.cpp", 'if (!*line) co_return Error{Code::kUnavailable, "the stream ended before the list was complete"};',
                                "if (!*line) break;"),
    "goes-on-from-the-first-page": ("src/kube/client.cpp", "co_return page.resource_version;", 'co_return std::string("1");'),
    "lists-anew-when-nobody-listens": (RUNTIME + "watcher.cpp", "if (says_of_version(error) && ++failures", "if (++failures"),
    "a-list-for-ever": (RUNTIME + "watcher.cpp", "time.call_at(time.now() + most, ", "time.call_at(TimeService::kNever, "),
    "waits-for-silence-for-ever": (RUNTIME + "watcher.cpp", "stream->next(timing_.silence)", "stream->next(std::chrono::hours(10000))"),
    "no-back-off-of-watches": (RUNTIME + "watcher.cpp", "  co_await sleep_for(wait, stop);", "  co_await sleep_for(Duration::zero(), stop);"),
    "lists-from-a-cache": ("src/kube/client.cpp", '"?limit=" + std::to_string', '"?resourceVersion=0&limit=" + std::to_string'),
    "keeps-what-vanished": (RUNTIME + "store.h", "for (const Pointer& object : gone) erase(object->meta.key());", ""),
    "ignores-deletions": (RUNTIME + "reflector.h", "reflector.store_.erase(kube::decode_identity(object).key());", "(void)object;"),
    "keeps-an-old-index": (RUNTIME + "index.h", "if (before) remove(before);", ""),
    "no-own-write-gate": (RUNTIME + "controller.cpp", "if (writes.seen(time.now())) outcome", "outcome"),
    "trusts-that-its-write-is-seen": (RUNTIME + "controller.cpp", "if (!writes.empty()) queue_.add_after(key, kLookAgain);", ""),
    "a-lagging-watch-is-waited-for": (RUNTIME + "own_writes.cpp", "  write.reflector->relist(write.ns);", ""),
    "a-lost-write-is-waited-for": (RUNTIME + "own_writes.cpp", "  if (write.listed_anew) {", "  if (write.listed_anew && false) {"),
    "a-standby-queues": (RUNTIME + "controller.h", "if (running_ && !key.empty()) queue_.add_event(key);", "if (!key.empty()) queue_.add_event(key);"),
    "a-standby-queues-later": (RUNTIME + "controller.h", "if (running_ && !key.empty()) queue_.add_after(", "if (!key.empty()) queue_.add_after("),
    "begins-with-nothing": (RUNTIME + "controller.cpp", "  running_ = true;\n  for (const auto& add_all : begin_with_) add_all();", "  running_ = true;"),
    "leads-without-caches-for-ever": (RUNTIME + "controller.cpp", "    late = true;", ""),
    "what-cant-be-read-is-gone": (RUNTIME + "reflector.h", "if (const auto kept = read ? nullptr : known(object)) Store<T>::put(listed, kept);", ""),
    "leads-with-a-stale-cache": (RUNTIME + "controller.cpp", "for (ReflectorBase* reflector : reflectors_) reflector->relist(ns);", ""),
    "an-exception-ends-the-worker": (RUNTIME + "controller.cpp", "} catch (const std::exception& error) {", "} catch (const std::bad_alloc& error) {"),
    "a-key-twice-in-work": (RUNTIME + "work_queue.cpp", "if (!working_.contains(key)) ready_.push_back(key);", "ready_.push_back(key);"),
    "forgets-what-came-during-work": (RUNTIME + "work_queue.cpp", "  if (dirty_.contains(key)) {", "  if (dirty_.erase(key) > 1) {"),
    "no-retry": (RUNTIME + "work_queue.cpp", "  add_after(key, std::max(failures.due - time_.now(), outcome.again.value_or(Duration::zero())));", ""),
    "no-back-off-of-keys": (RUNTIME + "timing.cpp", "wait *= 2;", "wait *= 1;"),
    "a-lease-without-a-version": (RUNTIME + "lease_lock.cpp", "co_await client_.replace(path(), kube::encode_lease(lease), std::move(options));",
                                  "co_await client_.replace(path(), [&] { auto bare = lease; bare.meta.resource_version.clear(); return kube::encode_lease(bare); }(), std::move(options));"),
    "no-watchdog": (RUNTIME + "leader_election.cpp", "time_.call_at(until, [this] {", "time_.call_at(TimeService::kNever, [this] {"),
    "leads-from-the-answer-on": (RUNTIME + "leader_election.cpp", "const Instant until = sent + options_", "const Instant until = std::max(sent, time_.now()) + std::chrono::seconds(8) + options_"),
    "takes-over-too-early": (RUNTIME + "leader_election.cpp", "return seen_->at + (said > 0 ? seconds(said) : options_.timing.lease);", "return seen_->at + seconds(1) + 0 * seconds(said);"),
    "no-fence": (RUNTIME + "fenced_transport.cpp", "if (!is_write(request) || may_write_()) return Ok{};", "return Ok{};"),
    "a-call-that-was-cancelled-is-made": (RUNTIME + "time_service.cpp", "const auto node = agenda->calls.extract(key_);  // its callback", "const auto node = agenda->calls.extract(Agenda::Key());  // its callback"),
}
OPERATOR_FAULTS = {
    # Who fills a slot.
    "owns-by-name": (PLAN + "membership.cpp", "if (!slot || !is_ours(pod.meta, deployment) || !pod.meta.name", "if (!slot || !pod.meta.name"),
    "a-terminating-pod-occupies": (PLAN + "membership.cpp", "    if (pod.meta.deleted) {\n      pods.terminating", "    if (false) {\n      pods.terminating"),
    "a-failed-pod-occupies": (PLAN + "membership.cpp", "} else if (is_dead(pod)) {", "} else if (false) {"),
    "the-oldest-incarnation-stays": (PLAN + "membership.cpp", "return std::make_pair(incarnation(a), a->meta.uid) >", "return std::make_pair(incarnation(a), a->meta.uid) <"),
    "creates-before-the-record": (PLAN + "membership.cpp", "return {next, next == recorded};", "return {next, true};"),
    "foreign-names-are-free": (PLAN + "membership.cpp", "for (const std::string& taken : snapshot.taken_pod_names) note_name(name, taken, true, occupancy);", ""),
    # Which NPUs a pod has.
    "an-annotation-against-kubelet": (PLAN + "devices.cpp", "if (claim->ids == allocation->devices) return", "if (claim) return"),
    "kubelets-word-by-name": (PLAN + "devices.cpp", "if (entry.uid == pod.meta.uid) return &entry;", "if (entry.pod == pod.meta.key()) return &entry;"),
    "a-claim-is-not-counted": (PLAN + "devices.cpp", "if (counted && allocation->devices.size() != claim->ids.size()) {", "if (false) {"),
    "no-address-will-do": (PLAN + "devices.cpp", "if (known->address.empty()) {", "if (false) {"),
    "clashes-are-not-seen": (PLAN + "devices.cpp", "if (other != nullptr) {", "if (other != nullptr && false) {"),
    "the-younger-claim-wins": (PLAN + "devices.cpp", "return *a.created < *b.created;", "return *b.created < *a.created;"),
    "an-annotation-blocks-the-owner": (PLAN + "devices.cpp", "if (a.by_kubelet != b.by_kubelet) return a.by_kubelet;", "if (a.by_kubelet != b.by_kubelet) return b.by_kubelet;"),
    "a-link-that-is-down-will-do": (PLAN + "devices.cpp", "if (snapshot_.deployment.ranktable.require_link_up && known->link", "if (false && known->link"),
    "any-number-of-npus": (PLAN + "devices.cpp", "if (static_cast<int>(ids.size()) != want) {", "if (static_cast<int>(ids.size()) < 0) {"),
    # What the table says, and under which number.
    "no-grace": (PLAN + "table.cpp", "    if (deadline > now_) {", "    if (deadline > now_ && false) {"),
    "the-first-table-waits-for-nobody": (PLAN + "table.cpp", "if (!missing_.empty() && is_first() && (positional ||", "if (false && (positional ||"),
    "the-first-table-waits-for-all-that-served": (PLAN + "table.cpp", "!is_first() && has_served(instance)", "has_served(instance)"),
    "counts-on-from-the-last-touch": (PLAN + "table.cpp", " + 1 + kReserveAhead);", " + 1);"),
    "a-kept-table-tells-the-new-epoch": (PLAN + "table.cpp", "decided ? known.epoch : stored_.epoch.value_or(known.epoch);", "known.epoch;"),
    "half-an-instance-is-a-whole-one": (PLAN + "pod_template.cpp", "return made_for && *made_for", "return false && *made_for"),
    "a-forged-size-stays": (PLAN + "situation.cpp", " || is_of_another_group(pod, deployment(), role);", ";"),
    "a-damaged-annotation-is-a-loss": (PLAN + "table.cpp", "return is_silent ? std::max(grace, kMendedByAgent) : grace;", "return grace;"),
    "believes-the-future": (PLAN + "touch.cpp", "return std::min(*known.published_at, situation.now);", "return known.published_at;"),
    "a-number-twice": (PLAN + "table.cpp", "decision_.generation = *stored_.generation + 1;", "decision_.generation = *stored_.generation;"),
    "counts-on-from-the-status": (PLAN + "table.cpp", "std::max(known.generation_ceiling, known.generation) + 1;", "known.generation + 1;"),
    "no-reservation": (PLAN + "table.cpp", "decision_.reserve = !stored_.exists || decision_.generation > known.generation_ceiling;", "decision_.reserve = false;"),
    "tables-are-not-judged": (PLAN + "table.cpp", "if (!findings.empty()) {", "if (!findings.empty() && false) {"),
    "writes-what-is-there": (PLAN + "table.cpp", "decision_.write = !stored_.intact ||", "decision_.write = true ||"),
    "a-table-is-taken-back": (PLAN + "table.cpp", "stored_.completed ? stored_.content : initializing();", "initializing_content(deployment_);"),
    "listed-by-name": (PLAN + "table.cpp", "return held != content.end() && held->second == document;", "return held != content.end();"),
    "any-size-fits": (PLAN + "table.cpp", "if (bytes > kMaxTableBytes) {", "if (bytes > kMaxTableBytes * 1000) {"),
    "trusts-an-edited-table": (PLAN + "config_map.cpp", "stored.genuine = is_genuine(map, stored.digest, known);", "stored.genuine = true;"),
    "an-edited-number-takes-a-table-back": (PLAN + "config_map.cpp", "known.digest.empty() || is_later(map.meta.annotation(kube::kGenerationAnnotation)) ||", "known.digest.empty() ||"),
    "replaces-without-a-version": (PLAN + "config_map.cpp", 'if (!resource_version.empty()) metadata["resourceVersion"] = resource_version;', ""),
    # Who is told.
    "touches-whom-no-table-lists": (PLAN + "touch.cpp", "if (situation.table.listed.contains(instance)) return true;", "return true;"),
    "touches-for-ever": (PLAN + "touch.cpp", "if (!published_ || pod.meta.annotation(kube::kRetouchedAnnotation) == generation_) return;", "if (!published_) return;"),
    "one-touch-must-do": (PLAN + "touch.cpp", "} else if (situation_.now <= *published_ + kRetouchUntil) {", "} else if (false) {"),
    # When pods come and go.
    "deletes-before-the-table": (PLAN + "rollout.cpp", "if (!situation_.stored.genuine || listed) {", "if (listed && false) {"),
    "updates-all-at-once": (PLAN + "rollout.cpp", "if (!new_size && serves && (available ? unavailable >= allowed : unavailable > allowed)) continue;", ""),
    "an-update-is-in-its-own-way": (PLAN + "rollout.cpp", "(available ? unavailable >= allowed : unavailable > allowed)", "unavailable >= allowed"),
    "updates-into-a-table-that-cant-come": (PLAN + "rollout.cpp", "serves && is_table_kept_for_others(*instance)", "false"),
    "restarts-for-a-table-that-cant-come": (PLAN + "rollout.cpp", "if (!situation_.lacking.empty()) {", "if (false) {"),
    "restarts-for-a-table-that-is-refused": (PLAN + "situation.cpp", "    situation.raise_epoch.clear();", "    {}"),
    "peers-that-come-later-are-new": (PLAN + "table.cpp", "is_coming() ? now_ : std::min(known.since, now_)", "std::min(known.since, now_)"),
    "what-is-readable-again-is-new": (PLAN + "epoch.cpp", "if (placed && (is_lost(instance) || !peers_know(*placed)))", "if (placed)"),
    "what-was-left-out-never-moves": (PLAN + "epoch.cpp", "known->digest == digest_of(placed.servers, starts_of_peers(deployment_, placements_));", "true;"),
    "restarts-for-a-table-that-would-not-fit": (PLAN + "situation.cpp", "situation.table.would_be_too_large)", "false)"),
    "one-device-spoils-the-family": (PLAN + "devices.cpp", "  keep_one_family(placements);\n", "  (void)keep_one_family;\n"),
    "a-successor-is-what-peers-know": (PLAN + "epoch.cpp", "if (placed && (is_lost(instance) || !peers_know(*placed)))", "if (placed && !peers_know(*placed))"),
    "peers-that-start-anew-have-seen-all": (PLAN + "epoch.cpp", "if (placement.pod == nullptr || !restarts(deployment, slot.instance.role)) continue;", "if (true) continue;"),
    "who-comes-back-to-a-kept-table-is-forgotten": (PLAN + "table.cpp", "    remember_left_out();\n", "    (void)&Decider::remember_left_out;\n"),
    "newcomers-outvote-those-that-serve": (PLAN + "devices.cpp", "more_ipv6_serve != 0 ? more_ipv6_serve > 0 :", "more_ipv6_serve > 1000000 ? true :"),
    "any-device-number-goes": (PLAN + "devices.cpp", "if (id > ranktable::kHighestDeviceId) {", "if (false) {"),
    "predecessors-end-at-once": (PLAN + "table.cpp", "    if (restarts_peers()) grace += time_to_end(instance.role);\n", ""),
    "counts-on-from-a-strangers-number": (PLAN + "membership.cpp", "found->second.taken.insert(parsed->incarnation);", "found->second.highest = std::max(found->second.highest, parsed->incarnation);"),
    "a-new-size-one-by-one": (PLAN + "rollout.cpp", "new_size = new_size || is_outsized(pod, deployment_, role);", "(void)pod;"),
    "no-back-off-of-pods": (PLAN + "rollout.cpp", "if (known != nullptr && known->next_attempt && *known->next_attempt > situation_.now) {", "if (false) {"),
    "gone-is-not-awaited": (PLAN + "rollout.cpp", "if (waits_for_gone(slot) && (!pods.dead.empty() || !pods.terminating.empty())) {", "if (false) {"),
    "failures-are-never-forgotten": (PLAN + "rollout.cpp", "if (situation_.ready(instance) && situation_.now >= forgotten) continue;", ""),
    "an-unlisted-pod-waits-for-the-table": (PLAN + "rollout.cpp", "const bool listed = !has_left && situation_.stored.lists(slot.instance, *pods.occupant);",
                                            "const bool listed = !has_left && situation_.stored.completed;"),
    "a-listed-pod-is-known-by-its-own-address-alone": (PLAN + "config_map.cpp", "return had_table(pod) || has(pod.pod_ip) || has(pod.host_ip);",
                                                       "return has(pod.pod_ip);"),
    "outsized-pods-that-nobody-wants-stay": (PLAN + "rollout.cpp", "    remove_outsized_unwanted(role);\n", ""),
    "whom-the-table-leaves-out-serves": (PLAN + "rollout.cpp", " && !is_left_out(*instance) &&", " &&"),
    "each-pod-that-fails-is-a-failure": (PLAN + "rollout.cpp", "    retried_.insert(instance);\n", ""),
    "a-layouts-order-is-a-move": (PLAN + "epoch.cpp", "by_address(placed->servers) != by_address(listed->second)", "placed->servers != listed->second"),
    "surplus-pods-stay": (PLAN + "rollout.cpp", "for (const kube::Pod* pod : pods.surplus) rollout_.deletes.push_back(pod);", ""),
    "a-pause-pauses-nothing": (PLAN + "situation.cpp", "return deployment().paused ?", "return false ?"),
    "each-loss-is-an-epoch": (PLAN + "epoch.cpp", "if (!stored.epoch || *stored.epoch < deployment.status.ranktable.epoch) return {};", ""),
    "restarts-the-restarted": (PLAN + "epoch.cpp", "stored.epoch < epoch && epoch_of(pod) < epoch;", "stored.epoch < epoch;"),
    "lists-an-old-epoch": (PLAN + "situation.cpp", "  if (situation.lacking.empty()) unplace_old_epochs(snapshot.deployment, situation.stored, situation.placements);\n", ""),
    "pods-restart-alone": (PLAN + "restart_scope.cpp", "return !adopts(deployment, role) && pods_per_instance(deployment, role) > 1 &&", "return false &&"),
    "peers-restart-into-nothing": (PLAN + "rollout.cpp", "if (!has_a_successor(slot.instance, *pods.occupant)) {", "if (false) {"),
    "an-entry-goes-ahead-of-its-pod": (PLAN + "services.cpp", "if (entry == nullptr || scheduler_settled)", "if (true)"),
    "adopted-pods-see-old-numbers": (PLAN + "table.cpp", "decision_.generation = after_seen_by_pods();", "decision_.generation = 0;"),
    "two-budgets-for-adopted-pods": (PLAN + "budgets.cpp", "return adopts(deployment, role) ? std::nullopt : spec_of", "return false ? std::nullopt : spec_of"),
    "creates-before-the-status": (PLAN + "plan.cpp", "    write_status(rollout);\n    create_pods(rollout);", "    create_pods(rollout);\n    write_status(rollout);"),
    "touches-what-it-deletes": (PLAN + "plan.cpp", "if (!deleted.contains(pod.uid)) add(std::move(pod));", "add(std::move(pod));"),
    "an-upgrade-restarts-everybody": (PLAN + "pod_template.cpp", "return made_from.starts_with(kHashVersion) && made_from != hash;", "return made_from != hash;"),
    "the-gates-image-is-of-the-template": (PLAN + "pod_template.cpp", '{"mountPath", deployment.ranktable.mount_path},', '{"mountPath", deployment.ranktable.mount_path + deployment.gate.image},'),
    "a-template-may-claim-devices": (PLAN + "pods.cpp", 'annotation.starts_with("huawei.com/") ||', ""),
    "a-missing-key-blocks-the-start": (PLAN + "equipment.cpp", '{"optional", true}', '{"optional", false}'),
    # When it is planned.
    "a-clash-is-never-noticed": (OPERATOR + "controller.cpp", "return loop_.add_after(key, kNeighbourPause);", "return;"),
    "each-step-of-a-pod-is-told": (OPERATOR + "controller.cpp", "plan::Haste::kSoon ? kReadyPause : kStatusPause", "plan::Haste::kSoon ? kReadyPause : kReadyPause"),
    "ready-is-told-late": (OPERATOR + "controller.cpp", "plan::Haste::kSoon ? kReadyPause : kStatusPause", "plan::Haste::kSoon ? kStatusPause : kStatusPause"),
    "a-touch-keeps-the-news-back": (OPERATOR + "apply.cpp", "  if (std::holds_alternative<plan::WriteStatus>(action)) outcome.all_since_status = true;", ""),
    "a-single-failure-gives-up": (OPERATOR + "delivery.cpp", "    question.failing.reset();", ""),
    "one-deployment-takes-all-turns": (OPERATOR + "delivery.cpp", "own->second < kOfOneAtATime", "own->second < kAtATime"),
    # How it is written.
    "touches-without-a-version": (OPERATOR + "apply.cpp", 'body["metadata"]["resourceVersion"] = patch.resource_version;', ""),
    "deletes-whoever-has-the-name": (OPERATOR + "apply.cpp", "kube::Preconditions preconditions{object.uid, object.resource_version};", "kube::Preconditions preconditions{};"),
    "goes-on-after-a-failed-write": (OPERATOR + "apply.cpp", "!is_overloaded && is_independent(action);", "!is_overloaded;"),
    "goes-on-when-the-server-has-too-much-to-do": (OPERATOR + "apply.cpp", "!is_overloaded && is_independent(action);", "is_independent(action);"),
    "whoever-has-the-name-is-ours": (OPERATOR + "apply.cpp", "  if (is_ours(target.deployment, *held)) {", "  if (held) {"),
    "a-status-for-another-spec": (OPERATOR + "apply.cpp", '                   {"resourceVersion", target.deployment.resource_version}}},', "                  }},"),
    "any-answer-confirms": (OPERATOR + "delivery.cpp", "    pod.generation = *answer;", "    pod.generation = question.target.generation;"),
    "anybody-may-answer": (OPERATOR + "ask_generation.cpp", "if (*told != uid) return", "if (told->empty()) return"),
}


class Group:
    """Faults, and the tests that have to find them: the quick ones first, the simulation has the last word."""

    def __init__(self, faults, tests):
        self.faults = faults
        self.tests = tests


GROUPS = {
    "runtime": Group(RUNTIME_FAULTS, ["runtime_tests", "simulation-runs"]),
    "operator": Group(OPERATOR_FAULTS, ["plan_tests", "operator_tests", "simulation-runs"]),
}
FAULTS = {name: (group, *fault) for group in GROUPS.values() for name, fault in group.faults.items()}


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


class Copy:
    """Sources and a build of their own, in which one fault at a time is looked for."""

    def __init__(self, folder):
        self.source = folder / "source"
        self.built = folder / "build"
        files = run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT).stdout.splitlines()
        for name in files:
            source, target = ROOT / name, self.source / name
            if not source.is_file() or (target.is_file() and target.read_bytes() == source.read_bytes()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            os.utime(target)
        # A fault may well leave something unused.
        toolchain = self.source / "cmake" / "toolchain.cmake"
        toolchain.write_text(toolchain.read_text().replace(" -Werror", ""))
        flags = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1"]
        configured = run(["cmake", "-S", str(self.source), "-B", str(self.built), *flags])
        if configured.returncode != 0:
            sys.exit(configured.stdout + configured.stderr)

    def build(self, tests, jobs=1):
        return run(["cmake", "--build", str(self.built), f"-j{jobs}", "--target", *tests])

    def found_by(self, tests):
        """The first test that fails, or None."""
        for program in tests:
            try:
                done = run([str(self.built / "bin" / program), "--gtest_brief=1", "--gtest_fail_fast"], cwd=self.source,
                           env={**os.environ, "PD_SIMULATION_SEEDS": SEEDS}, timeout=600)
            except subprocess.TimeoutExpired:
                return f"{program} (did not end)"
            if done.returncode != 0:
                failed = [line.split()[3] for line in done.stdout.splitlines() if line.startswith("[  FAILED  ] ")]
                return f"{program}: {failed[0].rstrip(',') if failed else 'exit code ' + str(done.returncode)}"
        return None

    def check(self, group, file, old, new):
        path = self.source / file
        text = path.read_text()
        if text.count(old) != 1:
            return False, f"its place is {text.count(old)} times in {file}"
        try:
            path.write_text(text.replace(old, new))
            for test in group.tests:  # what a quick one finds needs no more building
                built = self.build([test])
                if built.returncode != 0:
                    return False, "does not build:\n" + built.stdout[-2000:]
                if found := self.found_by([test]):
                    return True, found
            return False, "NOT FOUND by any test"
        finally:
            path.write_text(text)


def chosen(words):
    if unknown := [word for word in words if word not in GROUPS and word not in FAULTS]:
        sys.exit(f"there is no fault and no group {unknown[0]}; the groups are {', '.join(GROUPS)}")
    return [name for name, (group, *_) in FAULTS.items()
            if not words or name in words or any(GROUPS.get(word) is group for word in words)]


def prepare(names):
    tests = sorted({test for name in names for test in FAULTS[name][0].tests})
    copies = [Copy(COPIES / str(number)) for number in range(os.cpu_count())]
    for copy in copies:
        built = copy.build(tests, os.cpu_count())
        if built.returncode != 0:
            sys.exit(built.stdout[-4000:])
    if clean := copies[0].found_by(tests):
        sys.exit(f"fails without any fault: {clean}")
    return copies


def main():
    names = chosen(sys.argv[1:])
    free = queue.Queue()
    for copy in prepare(names):
        free.put(copy)

    def check(name):
        copy = free.get()
        start = time.monotonic()
        try:
            found, what = copy.check(*FAULTS[name])
        finally:
            free.put(copy)
        print(f"{time.monotonic() - start:5.0f} s  {'found' if found else 'MISSED'}  {name}: {what}", flush=True)
        return found

    with concurrent.futures.ThreadPoolExecutor(free.qsize()) as workers:
        found = sum(workers.map(check, names))
    print(f"{found} of {len(names)} faults found")
    sys.exit(found < len(names))


if __name__ == "__main__":
    main()
