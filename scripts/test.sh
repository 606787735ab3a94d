#!/usr/bin/env bash
# Runs the tests and ends with one line: N passed, N failed. A step that breaks counts as one failure. PD_PRESET=tsan or asan:
# the simulation and integration tests run the programs of that build instead of the release build.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

passed=0 failed=0 skipped=0
export PD_PRESET=${PD_PRESET:-release}
build_name=''
[[ $PD_PRESET == release ]] || build_name=" ($PD_PRESET)"

# add_counts STATUS REPORT: adds what a JUnit report holds. No report, an empty one, or a failure that it does not show
# means that the step itself broke.
add_counts() {
  local status=$1 counts p=0 f=0 s=0
  if counts=$("$python" "$root/scripts/count_tests.py" "$2"); then
    read -r p f s <<<"$counts"
  fi
  if [[ $((p + f)) -eq 0 || ($status -ne 0 && $f -eq 0) ]]; then
    f=$((f + 1))
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

build() {
  "$root/scripts/build.sh" "$1" && return 0
  failed=$((failed + 1))
  return 1
}

unit() {
  local preset=$1 report=$logs/unit-$1.xml status=0
  build "$preset" || return 0
  rm -f "$report"
  local -a left_out=()
  if [[ $preset == tsan ]]; then
    left_out=(-E '^daemonset[.]PodResourcesClient[.]')
    printf '%s\n' "left out under ThreadSanitizer: daemonset.PodResourcesClient.* (its kubelet is a server of Debian's gRPC, which is not built with it)"
  fi
  PD_LOG_LINES=8 step "unit tests ($preset)" ctest --test-dir "$root/build/$preset" -L unit "${left_out[@]}" -j "$(nproc)" --output-on-failure \
    --no-tests=error --output-junit "$report" || status=$?
  add_counts "$status" "$report"
}

# Whatever ends a program, what a sanitizer has found counts. The programs end with a status of its own (live_cluster.py has it,
# too), so that the test that ran one fails.
sanitized() {
  local options status=0 reports=$logs/sanitizer-$PD_PRESET
  local -a found
  rm -rf "$reports"
  mkdir "$reports"
  options=exitcode=66:halt_on_error=1:print_suppressions=0:log_path=$reports/report
  TSAN_OPTIONS=$options:suppressions=$root/tests/tsan.supp ASAN_OPTIONS=$options UBSAN_OPTIONS=$options:print_stacktrace=1 \
    "$@" || status=$?
  mapfile -t found < <(find "$reports" -type f)
  [[ ${#found[@]} -gt 0 ]] || return "$status"
  {
    printf -- '--- what the sanitizer says (%s):\n' "${reports#"$root"/}"
    head -n 60 "${found[@]}"
  } >&2
  return 66
}

with_pytest() {
  local kind=$1 report=$logs/$1.xml status=0
  shift
  rm -f "$report"
  sanitized step "$kind tests$build_name" "$python" -m pytest -p no:cacheprovider "--junitxml=$report" -ra \
    "$root/tests/$kind" "$@" || status=$?
  add_counts "$status" "$report"
}

on_cluster() {
  local kind=$1
  shift
  [[ $(id -u) -eq 0 ]] || fail "the test cluster needs root: sudo ./dev test $kind"
  if ! "$root/scripts/setup.sh"; then
    failed=$((failed + 1))
    return 0
  fi
  # What a pod runs is the release build; image.sh builds all of it.
  local -a builder=("$root/scripts/image.sh")
  [[ $PD_PRESET == release ]] ||
    builder=("$root/scripts/build.sh" "$PD_PRESET" conformance copier pd-operator store-probe api-load)
  if ! "${builder[@]}"; then
    failed=$((failed + 1))
    return 0
  fi
  # The chart is for both Helms; setup makes the newer one.
  if [[ $kind == chart ]] && ! step "Helm 3" "$root/tests/cluster/programs/build" helm3; then
    failed=$((failed + 1))
    return 0
  fi
  with_pytest "$kind" "$@"
}

release() {
  [[ $(id -u) -eq 0 ]] || fail "the static pdctl is tried in a root folder of its own, which needs root: sudo ./dev test release"
  if ! "$root/scripts/build.sh" release pdctl-any-linux; then
    failed=$((failed + 1))
    return 0
  fi
  with_pytest release "$@"
}

# The runtime and the whole system in simulation, under the faults of 500 seeds, or as many as PD_SIMULATION_SEEDS says.
simulation() {
  local report=$logs/simulation.xml status=0
  rm -f "$report"
  if ! "$root/scripts/build.sh" "$PD_PRESET" simulation-runs; then
    failed=$((failed + 1))
    return 0
  fi
  PD_LOG_LINES=8 sanitized step "simulated runs$build_name" "$root/build/$PD_PRESET/bin/simulation-runs" \
    "--gtest_output=xml:$report" || status=$?
  add_counts "$status" "$report"
}

# Each fuzz target is a test.
fuzz() {
  local report=$logs/fuzz.xml status=0
  rm -f "$report"
  "$root/scripts/fuzz.sh" 5 || status=$?
  add_counts "$status" "$report"
}

everything() {
  if ! "$root/scripts/setup.sh"; then
    failed=$((failed + 1))
    return 0
  fi
  unit debug
  simulation
  on_cluster integration
  on_cluster e2e
  on_cluster chart
  on_cluster docs
  release
  fuzz
}

kind=${1:-all}
shift $(($# > 0))
[[ $PD_PRESET == release || $kind == simulation || $kind == integration ]] ||
  fail "PD_PRESET chooses the programs of the simulation and integration tests; others are \"$kind\" tests"
case $kind in
  all) everything ;;
  unit) unit "${1:-debug}" ;;
  integration | e2e | chart | docs) on_cluster "$kind" "$@" ;;
  release) release "$@" ;;
  fuzz) fuzz ;;
  simulation) simulation ;;
  *) fail "there are no \"$kind\" tests; it is unit, simulation, fuzz, integration, e2e, chart, docs, release or all" ;;
esac
line="$passed passed, $failed failed"
[[ $skipped -eq 0 ]] || line+=", $skipped skipped"
printf '%s\n' "$line"
[[ $failed -eq 0 ]]
