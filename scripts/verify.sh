#!/usr/bin/env bash
# What takes too long for every change: the unit, simulation and integration tests under ThreadSanitizer and AddressSanitizer,
# the integration tests on the oldest API server, the planner's closed loop and the simulations of the runtime and of the whole
# system under the faults of many more seeds, deliberate faults that the tests have to find, the test cluster's own test, a
# leader that is paused twenty times, an API server that is killed ten times, all of a deployment's life on real kubelets, then
# with an operator that is killed every second, then with two whose leader is killed every 40 seconds, each fuzz target for two
# minutes, and a release with its cross-build for arm64, made twice. PD_LIFE_ROUNDS=5: that life five times in a row; PD_SYSTEM_SEEDS: the whole system's seeds (20000).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

seeds=${PD_MODEL_SEEDS:-4000}
programs=$root/build/release/bin
# shellcheck source=/dev/null
oldest=$(source "$root/tests/cluster/programs/locations" && program_path kube-apiserver-oldest)
broken=0

[[ $(id -u) -eq 0 ]] || fail "the test cluster needs root: sudo ./dev verify"
"$root/scripts/setup.sh"
# simulate SEEDS TESTS [NAME=VALUE...]: the whole system takes seven times as long for a seed as the runtime does.
simulate() {
  local count=$1 tests=$2
  shift 2
  env PD_SIMULATION_SEEDS="$count" GTEST_FILTER="$tests" "$@" "$root/scripts/test.sh" simulation || broken=$((broken + 1))
}
for preset in tsan asan; do
  "$root/scripts/test.sh" unit "$preset" || broken=$((broken + 1))
  simulate 500 '-OperatorSimulation.*' PD_PRESET="$preset"
  simulate 10 'OperatorSimulation.*' PD_PRESET="$preset"
  PD_PRESET=$preset "$root/scripts/test.sh" integration || broken=$((broken + 1))
done
"$root/scripts/build.sh" debug plan_tests
step "the planner under the faults of $seeds seeds" env PD_MODEL_SEEDS="$seeds" \
  "$root/build/debug/bin/plan_tests" --gtest_filter='*ModelTest*' || broken=$((broken + 1))
simulate 10000 '-OperatorSimulation.*' PD_SIMULATION_FIRST_SEED=1001
simulate "${PD_SYSTEM_SEEDS:-20000}" 'OperatorSimulation.*' PD_SIMULATION_FIRST_SEED=1001
step "deliberate faults in runtime, planner and operator" "$python" "$root/scripts/mutations.py" || broken=$((broken + 1))
"$root/scripts/build.sh" release fake-npu-plugin fake-hccn-tool conformance copier pd-operator store-probe api-load
step "the oldest kube-apiserver" "$root/tests/cluster/programs/build" kube-apiserver-oldest
step "integration tests on the oldest kube-apiserver" env KUBE_APISERVER_BIN="$oldest" "$python" -m pytest -p no:cacheprovider \
  -ra "$root/tests/integration" || broken=$((broken + 1))
step "the test cluster's own test" "$root/tests/cluster/self_test" --npu-plugin "$programs/fake-npu-plugin" \
  --hccn-tool "$programs/fake-hccn-tool" || broken=$((broken + 1))
step "a leader paused twenty times" env PD_ELECTION_PAUSES=20 "$python" -m pytest -p no:cacheprovider -s \
  "$root/tests/integration/test_election.py" || broken=$((broken + 1))
step "stores while the API server is killed ten times" env PD_API_SERVER_KILLS=10 "$python" -m pytest -p no:cacheprovider \
  -s "$root/tests/integration/test_watch_faults.py" || broken=$((broken + 1))
"$root/scripts/image.sh"
life() {
  local name=$1
  shift
  step "$name" env "$@" "$python" -m pytest -p no:cacheprovider -ra --durations=0 "$root"/tests/e2e/test_life_*.py || broken=$((broken + 1))
}
rounds=${PD_LIFE_ROUNDS:-1}
life "a deployment's life ($rounds times)" PD_LIFE_ROUNDS="$rounds"
life "... with an operator killed every second" PD_LIFE_ROUNDS=1 PD_OPERATOR_CHAOS=kill-each-second
life "... with a leader killed every 40 seconds" PD_LIFE_ROUNDS=1 PD_OPERATOR_CHAOS=kill-leader
"$root/scripts/fuzz.sh" 120 || broken=$((broken + 1))
# A release for both architectures, its tests, and that it is the same when it is made anew.
release() {
  local version sums
  version=$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
  sums=$root/build/release-$version/SHA256SUMS
  "$root/scripts/release.sh" "$version" && cp "$sums" "$root/build/first-sums" &&
    PD_RELEASE=$(dirname "$sums") "$root/scripts/test.sh" release && rm -rf "$root/build/release-work" &&
    "$root/scripts/release.sh" "$version" && step "the same release when it is made anew" diff "$root/build/first-sums" "$sums"
}
release || broken=$((broken + 1))
[[ $broken -eq 0 ]] || fail "$broken of 21 parts failed (see above)"
printf 'verified\n'
