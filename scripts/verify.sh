#!/usr/bin/env bash
# What takes too long for every change: the unit tests under ThreadSanitizer and the test cluster's own test.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

[[ $(id -u) -eq 0 ]] || fail "the test cluster needs root: sudo ./dev verify"
broken=0
"$root/scripts/setup.sh"
"$root/scripts/test.sh" unit tsan || broken=$((broken + 1))
step "the test cluster's own test" "$root/tests/cluster/self_test" || broken=$((broken + 1))
[[ $broken -eq 0 ]] || fail "$broken of 2 parts failed (see above)"
printf 'verified\n'
