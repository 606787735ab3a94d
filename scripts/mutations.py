#!/usr/bin/env python3
"""Puts deliberate faults into the runtime, one at a time, and sees that the tests find each.

  scripts/mutations.py [NAME...]     all of them, or those named

Works on a copy of the sources in build/mutations. A fault that no test finds, or whose place is no longer in the code, is a
failure."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
COPY = ROOT / "build" / "mutations"
RUNTIME = "src/runtime/"
SEEDS = "120"

# name: (file, what is there, what takes its place)
MUTATIONS = {
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
    "keeps-what-vanished": (RUNTIME + "store.h", "for (const std::string& key : gone) erase(key);", ""),
    "ignores-deletions": (RUNTIME + "reflector.h", "reflector.store_.erase(kube::decode_identity(object).key());", "(void)object;"),
    "keeps-an-old-index": (RUNTIME + "index.h", "if (before) remove(*before);", ""),
    "no-own-write-gate": (RUNTIME + "controller.cpp", "if (writes.seen(time.now())) outcome", "outcome"),
    "trusts-that-its-write-is-seen": (RUNTIME + "controller.cpp", "if (!writes.empty()) queue_.add_after(key, kLookAgain);", ""),
    "a-lagging-watch-is-waited-for": (RUNTIME + "own_writes.cpp", "  write.reflector->relist();", ""),
    "a-lost-write-is-waited-for": (RUNTIME + "own_writes.cpp", "  if (write.listed_anew) {", "  if (write.listed_anew && false) {"),
    "a-standby-queues": (RUNTIME + "controller.h", "if (running_ && !key.empty())", "if (!key.empty())"),
    "begins-with-nothing": (RUNTIME + "controller.cpp", "  for (const auto& add_all : begin_with_) add_all();", ""),
    "leads-without-caches-for-ever": (RUNTIME + "controller.cpp", "    late = true;", ""),
    "what-cant-be-read-is-gone": (RUNTIME + "reflector.h", "if (const auto kept = read ? nullptr : known(object)) listed.insert_or_assign(kept->meta.key(), kept);", ""),
    "leads-with-a-stale-cache": (RUNTIME + "controller.cpp", "for (ReflectorBase* reflector : reflectors_) reflector->relist();", ""),
    "an-exception-ends-the-worker": (RUNTIME + "controller.cpp", "} catch (const std::exception& error) {", "} catch (const std::bad_alloc& error) {"),
    "a-key-twice-in-work": (RUNTIME + "work_queue.cpp", "if (!working_.contains(key)) ready_.push_back(key);", "ready_.push_back(key);"),
    "forgets-what-came-during-work": (RUNTIME + "work_queue.cpp", "  if (dirty_.contains(key)) {", "  if (dirty_.erase(key) > 1) {"),
    "no-retry": (RUNTIME + "work_queue.cpp", "  add_after(key, outcome.again ? std::max(wait, *outcome.again) : wait);", "  (void)wait;"),
    "no-back-off-of-keys": (RUNTIME + "timing.cpp", "wait *= 2;", "wait *= 1;"),
    "a-lease-without-a-version": (RUNTIME + "lease_lock.cpp", "co_await client_.replace(path(), kube::encode_lease(lease), std::move(options));",
                                  "co_await client_.replace(path(), [&] { auto bare = lease; bare.meta.resource_version.clear(); return kube::encode_lease(bare); }(), std::move(options));"),
    "no-watchdog": (RUNTIME + "leader_election.cpp", "time_.call_at(until, [this] {", "time_.call_at(TimeService::kNever, [this] {"),
    "leads-from-the-answer-on": (RUNTIME + "leader_election.cpp", "const Instant until = sent + options_", "const Instant until = std::max(sent, time_.now()) + std::chrono::seconds(8) + options_"),
    "takes-over-too-early": (RUNTIME + "leader_election.cpp", "return seen_->at + (said > 0 ? seconds(said) : options_.timing.lease);", "return seen_->at + seconds(1) + 0 * seconds(said);"),
    "no-fence": (RUNTIME + "fenced_transport.cpp", "if (!is_write(request) || may_write_()) return Ok{};", "return Ok{};"),
    "a-call-that-was-cancelled-is-made": (RUNTIME + "time_service.cpp", "const auto node = agenda->calls.extract(key_);  // its callback", "const auto node = agenda->calls.extract(Agenda::Key());  // its callback"),
}
# The quick ones first; the simulation has the last word.
TESTS = [("runtime_tests", {}), ("simulation-runs", {"PD_SIMULATION_SEEDS": SEEDS})]


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def prepare():
    files = run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT).stdout.splitlines()
    for name in files:
        source, target = ROOT / name, COPY / "source" / name
        if not source.is_file() or (target.is_file() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        os.utime(target)
    # A fault may well leave something unused.
    toolchain = COPY / "source" / "cmake" / "toolchain.cmake"
    toolchain.write_text(toolchain.read_text().replace(" -Werror", ""))
    flags = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1"]
    configured = run(["cmake", "-S", str(COPY / "source"), "-B", str(COPY / "build"), *flags])
    if configured.returncode != 0:
        sys.exit(configured.stdout + configured.stderr)


def build():
    return run(["cmake", "--build", str(COPY / "build"), "--target", *[name for name, _ in TESTS]])


def found_by():
    """The first test that fails, or None."""
    for program, environment in TESTS:
        try:
            done = run([str(COPY / "build" / "bin" / program), "--gtest_brief=1", "--gtest_fail_fast"], cwd=COPY / "source",
                       env={**os.environ, **environment}, timeout=600)
        except subprocess.TimeoutExpired:
            return f"{program} (did not end)"
        if done.returncode != 0:
            failed = [line.split()[3] for line in done.stdout.splitlines() if line.startswith("[  FAILED  ] ")]
            return f"{program}: {failed[0].rstrip(',') if failed else 'exit code ' + str(done.returncode)}"
    return None


def check(name):
    file, old, new = MUTATIONS[name]
    path = COPY / "source" / file
    text = path.read_text()
    if text.count(old) != 1:
        return False, f"its place is {text.count(old)} times in {file}"
    try:
        path.write_text(text.replace(old, new))
        built = build()
        if built.returncode != 0:
            return False, "does not build:\n" + built.stdout[-2000:]
        test = found_by()
        return test is not None, test or "NOT FOUND by any test"
    finally:
        path.write_text(text)


def main():
    names = sys.argv[1:] or list(MUTATIONS)
    prepare()
    built = build()
    if built.returncode != 0:
        sys.exit(built.stdout[-4000:])
    if clean := found_by():
        sys.exit(f"fails without any fault: {clean}")
    missed = 0
    for name in names:
        start = time.monotonic()
        found, what = check(name)
        missed += not found
        print(f"{time.monotonic() - start:5.0f} s  {'found' if found else 'MISSED'}  {name}: {what}", flush=True)
    print(f"{len(names) - missed} of {len(names)} faults found")
    sys.exit(missed > 0)


main()
