#!/usr/bin/env bash
# From nothing to a running PD deployment whose tables follow its pods, on a real Kubernetes of two nodes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

[[ $# -eq 0 || ($# -eq 1 && $1 == --keep) ]] || fail "the only option is --keep (leave it running), not \"$*\""
[[ $(id -u) -eq 0 ]] || fail "the demo starts a cluster, which needs root: sudo ./dev demo"
"$root/scripts/setup.sh"
"$root/scripts/build.sh" release
"$root/scripts/image.sh"
exec "$python" "$root/scripts/demo.py" "$@"
