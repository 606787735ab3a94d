#!/usr/bin/env bash
# soak.sh [MINUTES]: store-probe and pd-operator follow a changing cluster for that long (default: 30); the samples and their
# graph are build/soak/soak.csv and soak.svg. It fails when memory or open files have grown.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

minutes=${1:-30}
[[ $minutes =~ ^[0-9]+([.][0-9]+)?$ ]] || fail "the argument is a number of minutes, not \"$minutes\""
[[ $(id -u) -eq 0 ]] || fail "the soak starts a cluster, which needs root: sudo ./dev soak"
"$root/scripts/setup.sh"
"$root/scripts/build.sh" release store-probe api-load pd-operator
PYTHONPATH=$root/tests/support:$root/tests/soak "$python" "$root/tests/soak/soak.py" "$minutes" "$root/build/soak"
