#!/usr/bin/env bash
# Writes docs/walkthrough.md anew, from what kubectl shows on the test cluster.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

[[ $(id -u) -eq 0 ]] || fail "the test cluster needs root: sudo ./dev walkthrough"
"$root/scripts/setup.sh"
"$root/scripts/image.sh"
step "docs/walkthrough.md" env PD_WALKTHROUGH=write "$python" -m pytest -p no:cacheprovider "$root/tests/e2e/test_walkthrough.py"
