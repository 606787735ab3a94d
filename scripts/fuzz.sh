#!/usr/bin/env bash
# fuzz.sh [SECONDS] [TARGET...]: builds the fuzz targets (tests/fuzz) and runs each for so long (60 by default) over its
# corpus, as many at once as there are processors. A finding fails; its input stays in build/fuzz/findings/TARGET and is
# tried again by the next run. Mended ones belong into tests/fuzz/corpus/TARGET, under a name that says what they are.
# fuzz.sh minimise [TARGET...]: takes from what the runs so far have found the inputs that reach most into the corpus.
# The named files of the corpus stay, those that are named after their hash are chosen anew.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

programs=$root/build/fuzz/bin
corpus=$root/tests/fuzz/corpus
grown=$root/build/fuzz/corpus
findings=$root/build/fuzz/findings
results=$root/build/fuzz/results
report=$logs/fuzz.xml
# An input that takes 10 s or 1 GiB is a finding too. The largest samples have 4 KB.
limits=(-timeout=10 -rss_limit_mb=1024 -max_len=8192)
most_files=120
most_bytes=250000
# What was freed is watched for 32 MB; by default it would be 256 for each target.
export ASAN_OPTIONS=quarantine_size_mb=32${ASAN_OPTIONS:+:$ASAN_OPTIONS}
addr2line=$(type -P addr2line || true)
[[ -z $addr2line ]] || export ASAN_SYMBOLIZER_PATH=$addr2line # stacks with names, without LLVM's own tools

all_targets() {
  local file
  for file in "$root"/tests/fuzz/*_fuzz.cpp; do basename "$file" _fuzz.cpp; done
}

# A short run does not begin with all that long ones have found, which would take longer than the run.
run_target() {
  local target=$1 seconds=$2 into=$grown/$1
  if [[ $seconds -lt 30 ]]; then
    into=$root/build/fuzz/short/$target
    rm -rf "$into"
  fi
  mkdir -p "$into"
  "$programs/${target}_fuzz" "${limits[@]}" "-max_total_time=$seconds" "-dict=$root/tests/fuzz/words.dict" \
    "-artifact_prefix=$findings/$target/" -print_final_stats=1 \
    "$into" "$corpus/$target" "$findings/$target"
}

# Runs one target; the answer in $results/TARGET is empty when nothing was found, else how to see it again.
fuzz() {
  local target=$1 seconds=$2 name="fuzz $1" log=$logs/fuzz-$1.log line input status=0
  mkdir -p "$findings/$target"
  line=$(PD_LOG_LINES=1 step "$name" run_target "$target" "$seconds") || status=$?
  printf '%s\n' "$line"
  if [[ $status -eq 0 ]]; then
    : >"$results/$target"
    return
  fi
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  grep -m 1 -E '^does not hold|ERROR: |runtime error:' "$log" | cut -c 1-300 >&2 || true
  if [[ -n $input ]]; then
    printf '%s\n' "${target}_fuzz found something; again: ${programs#"$root"/}/${target}_fuzz ${input#"$root"/}"
  else
    printf '%s\n' "${target}_fuzz broke without an input; see its log"
  fi | tee "$results/$target" >&2
}

# For scripts/count_tests.py: a test for each target.
write_report() {
  local target
  printf '<testsuite name="fuzz">\n'
  for target in "$@"; do
    if [[ -s $results/$target ]]; then
      printf '<testcase name="%s"><failure>%s</failure></testcase>\n' "$target" "$(<"$results/$target")"
    elif [[ -e $results/$target ]]; then
      printf '<testcase name="%s"/>\n' "$target"
    else
      printf '<testcase name="%s"><failure>it was not run</failure></testcase>\n' "$target"
    fi
  done
  printf '</testsuite>\n'
}

run() {
  local seconds=$1 target found=0
  shift
  rm -rf "$results"
  mkdir -p "$results"
  for target in "$@"; do
    while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do wait -n || true; done
    fuzz "$target" "$seconds" &
  done
  wait
  write_report "$@" >"$report"
  for target in "$@"; do
    [[ -e $results/$target && ! -s $results/$target ]] || found=$((found + 1))
  done
  [[ $found -eq 0 ]] || fail "$found of $# targets found something (see above)"
}

minimise() {
  local target=$1 chosen=$root/build/fuzz/chosen/$1 file size files=0 bytes=0
  rm -rf "$chosen"
  mkdir -p "$chosen" "$grown/$target"
  find "$corpus/$target" -type f ! -regex '.*/[0-9a-f]*' -exec cp -t "$chosen" {} +
  "$programs/${target}_fuzz" "${limits[@]}" -set_cover_merge=1 "$chosen" "$grown/$target" "$corpus/$target" || return
  find "$corpus/$target" -type f -regex '.*/[0-9a-f]*' -delete
  # In the order in which they were chosen, those that reach most first; as many as there is room for.
  while read -r size file; do
    files=$((files + 1)) bytes=$((bytes + size))
    [[ $files -le $most_files && $bytes -le $most_bytes ]] || break
    cp "$chosen/$file" "$corpus/$target/"
  done < <(find "$chosen" -type f -regex '.*/[0-9a-f]*' -printf '%T@ %s %f\n' | sort -n | cut -d ' ' -f 2-)
}

task=run
seconds=60
if [[ ${1:-} == minimise ]]; then
  task=minimise
  shift
elif [[ ${1:-} =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
mapfile -t known < <(all_targets)
for target in "$@"; do
  [[ " ${known[*]} " == *" $target "* ]] || fail "there is no target \"$target\"; there are: ${known[*]}"
done
[[ $# -gt 0 ]] || set -- "${known[@]}"
"$root/scripts/build.sh" fuzz "${@/%/_fuzz}"
if [[ $task == minimise ]]; then
  for target in "$@"; do step "minimise the corpus of $target" minimise "$target"; done
else
  run "$seconds" "$@"
fi
