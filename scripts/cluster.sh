#!/usr/bin/env bash
# The test cluster, with what makes its nodes look like NPU nodes: the fake device plugin and the fake hccn_tool.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

programs=$root/build/release/bin
if [[ ${1:-} == up && " $* " != *" --help "* && " $* " != *" -h "* ]]; then
  shift
  "$root/scripts/setup.sh"
  "$root/scripts/build.sh" release fake-npu-plugin fake-hccn-tool
  set -- up --npu-plugin "$programs/fake-npu-plugin" --hccn-tool "$programs/fake-hccn-tool" "$@"
fi
# In `shell` and `exec`, pdctl is there as well.
export PATH=$PATH:$programs
exec "$root/tests/cluster/cluster" "$@"
