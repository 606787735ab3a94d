#!/usr/bin/env bash
# build.sh [PRESET [TARGET...]]: configures build/PRESET where needed and builds it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

preset=${1:-debug}
shift $(($# > 0))
targets=("$@")

build() {
  # Two builds of one folder would spoil each other: the second waits.
  exec 9>"$root/build/.$preset.lock"
  flock 9
  cd "$root" || return
  # Not configured yet, or for other presets.
  if ! cmp -s CMakePresets.json "build/$preset/configured-presets.json"; then
    cmake --preset "$preset" && cp CMakePresets.json "build/$preset/configured-presets.json" || return
  fi
  cmake --build "build/$preset" -j "$(nproc)" ${targets[@]:+--target "${targets[@]}"}
}

[[ -n $(sed -n "/\"buildPresets\"/,\$ { /\"name\": \"$preset\"/p }" "$root/CMakePresets.json") ]] ||
  fail "there is no preset \"$preset\"; CMakePresets.json has debug, release, asan, tsan and fuzz"
"$root/scripts/setup.sh" packages
step "build $preset${targets[*]:+ (${targets[*]})}" build
