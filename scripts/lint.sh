#!/usr/bin/env bash
# Formatting, clang-tidy and shellcheck over all of the project's own files.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

database=$root/build/lint

# Without precompiled headers (clang can't read g++'s), which also shows headers that miss an include.
prepare_database() {
  cmake -S "$root" -B "$database" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DPD_CCACHE= ||
    return
  local -a generated
  mapfile -t generated < <(ninja -C "$database" -t targets all | sed -n 's/^\(.*\.pb\.h\): CUSTOM_COMMAND$/\1/p')
  [[ ${#generated[@]} -eq 0 ]] || ninja -C "$database" "${generated[@]}"
}

check_format() {
  project_files '*.h' '*.cpp' | (cd "$root" && xargs -d '\n' clang-format-14 --dry-run -Werror)
}

check_shell() {
  local -a scripts
  mapfile -t scripts < <(project_files | (cd "$root" && xargs -d '\n' grep -lE '^#!/usr/bin/env bash|^# shellcheck shell=bash'))
  (cd "$root" && shellcheck -x -P SCRIPTDIR "${scripts[@]}")
}

# What a merge has left behind, where no compiler looks.
check_merges() {
  ! (cd "$root" && git grep -nIE '^(<{7}|>{7}) ')
}

broken=0
"$root/scripts/setup.sh" packages "$root"/scripts/{debian,lint}-packages
step "formatting (clang-format)" check_format || broken=1
step "scripts (shellcheck)" check_shell || broken=1
step "leftovers of merges" check_merges || broken=1
step "compilation database" prepare_database
step "C++ (clang-tidy)" "$python" "$root/scripts/tidy.py" "$root" "$database" "$PD_CACHE/lint" || broken=1
[[ $broken -eq 0 ]] || fail "not clean; ./dev format mends the formatting, the rest is above"
