#!/usr/bin/env bash
# Runs every benchmark of the release build; each prints one JSON line per number, with its unit.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

"$root/scripts/build.sh" release >&2
for program in "$root"/build/release/bin/*_bench; do
  "$program"
done
