#!/usr/bin/env bash
# Formats the C++ files in place: those named, else all that git knows.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

"$root/scripts/setup.sh" packages "$root"/scripts/{debian,lint}-packages
if [[ $# -eq 0 ]]; then
  mapfile -t files < <(project_files '*.h' '*.cpp')
  cd "$root"
  set -- "${files[@]}"
fi
clang-format-14 -i "$@"
