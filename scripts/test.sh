#!/usr/bin/env bash
# Runs the tests and ends with one line: N passed, N failed. A step that breaks counts as one failure.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

passed=0 failed=0 skipped=0

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
    printf '%s\n' "left out under ThreadSanitizer: daemonset.PodResourcesClient.* (Debian's gRPC is not built with it)"
  fi
  PD_LOG_LINES=8 step "unit tests ($preset)" ctest --test-dir "$root/build/$preset" -L unit "${left_out[@]}" -j "$(nproc)" --output-on-failure \
    --no-tests=error --output-junit "$report" || status=$?
  add_counts "$status" "$report"
}

with_pytest() {
  local kind=$1 report=$logs/$1.xml status=0
  shift
  rm -f "$report"
  step "$kind tests" "$python" -m pytest -p no:cacheprovider "--junitxml=$report" -ra "$root/tests/$kind" "$@" || status=$?
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
  # image.sh builds the release programs first.
  if ! "$root/scripts/image.sh"; then
    failed=$((failed + 1))
    return 0
  fi
  with_pytest "$kind" "$@"
}

# The runtime in simulation, under the faults of 500 seeds, or as many as PD_SIMULATION_SEEDS says.
simulation() {
  local report=$logs/simulation.xml status=0
  rm -f "$report"
  if ! "$root/scripts/build.sh" release simulation-runs; then
    failed=$((failed + 1))
    return 0
  fi
  PD_LOG_LINES=8 step "simulated runs" "$root/build/release/bin/simulation-runs" "--gtest_output=xml:$report" || status=$?
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
  unit asan
  fuzz
}

kind=${1:-all}
shift $(($# > 0))
case $kind in
  all) everything ;;
  unit) unit "${1:-debug}" ;;
  integration | e2e) on_cluster "$kind" "$@" ;;
  fuzz) fuzz ;;
  simulation) simulation ;;
  *) fail "there are no \"$kind\" tests; it is unit, simulation, fuzz, integration, e2e or all" ;;
esac
line="$passed passed, $failed failed"
[[ $skipped -eq 0 ]] || line+=", $skipped skipped"
printf '%s\n' "$line"
[[ $failed -eq 0 ]]
