#!/usr/bin/env bash
# bench.sh [NAME...]: runs the benchmarks of the release build, or those named; each prints one JSON line per number, with
# its unit. A line is only for comparison with other lines: no number fails. A number after `agent` is for how many seconds
# its idle agents are watched.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

programs=$root/build/release/bin
tables=$root/build/bench
npus=(16 1024 16384)

set_up_cluster() {
  [[ $(id -u) -eq 0 ]] || fail "this benchmark starts a cluster, which needs root: sudo ./dev bench $1"
  "$root/scripts/setup.sh" >&2
}

bench_plan() {
  "$programs/plan_bench"
}

bench_decode() {
  "$programs/decode_bench"
  "$programs/replay_bench"
  "$programs/cache_memory"
}

# Times, then what each process needs at most, then the same documents in Python.
bench_ranktable() {
  local count file
  "$programs/ranktable_bench"
  mkdir -p "$tables"
  "$programs/table_memory" nothing
  for count in "${npus[@]}"; do
    file=$tables/ascendcloud-$count.json
    "$programs/table_memory" write "$count" "$file"
    "$programs/table_memory" parse "$count" "$file"
    "$programs/table_memory" render "$count"
    "$python" "$root/tests/bench/json_in_python.py" times "AscendCloud_${count}_npus" "$file"
    "$python" "$root/tests/bench/json_in_python.py" memory "AscendCloud_${count}_npus" "$file"
  done
}

# The queue and the simulator; then against a real API server, which takes some minutes and root.
bench_runtime() {
  # What the simulated faults make the sample controller say.
  "$programs/runtime_bench" 2>"$logs/runtime_bench.log" || fail "runtime_bench failed: see ${logs#"$root"/}/runtime_bench.log"
  set_up_cluster runtime
  PYTHONPATH=$root/tests/support "$python" "$root/tests/bench/live_runtime.py"
}

# On two nodes with real kubelets, which takes ten minutes and some more, and root.
bench_agent() {
  set_up_cluster agent
  "$root/scripts/image.sh" >&2
  PYTHONPATH=$root/tests/support "$python" "$root/tests/bench/agent.py" "$idle_seconds"
}

# On two nodes with real kubelets, too.
bench_reschedule() {
  set_up_cluster reschedule
  "$root/scripts/image.sh" >&2
  PYTHONPATH=$root/tests/support "$python" "$root/tests/bench/reschedule.py"
}

# A thousand nodes and ten thousand pods as objects of a real API server.
bench_scale() {
  set_up_cluster scale
  PYTHONPATH=$root/tests/support "$python" "$root/tests/bench/scale.py"
}

declare -A targets=([plan]=plan_bench [decode]="decode_bench replay_bench cache_memory" [ranktable]="ranktable_bench table_memory"
  [runtime]="runtime_bench store-probe api-load" [agent]="pd-agent fake-npu-plugin fake-hccn-tool"
  [reschedule]="pd-operator" [scale]="pd-operator")
idle_seconds=600
names=()
for name in "$@"; do
  if [[ $name =~ ^[0-9]+$ ]]; then idle_seconds=$name; else names+=("$name"); fi
done
[[ ${#names[@]} -gt 0 ]] || names=(plan decode ranktable runtime agent reschedule scale)
wanted=()
for name in "${names[@]}"; do
  [[ -n ${targets[$name]:-} ]] || fail "there is no benchmark \"$name\"; there are plan, decode, ranktable, runtime, agent, reschedule and scale"
  read -ra more <<<"${targets[$name]}"
  wanted+=("${more[@]}")
done
"$root/scripts/build.sh" release "${wanted[@]}" >&2
for name in "${names[@]}"; do
  "bench_$name"
done
