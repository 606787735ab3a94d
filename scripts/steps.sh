# shellcheck shell=bash disable=SC2034 # the tasks use the variables
# Sourced by every task: where things are, and `step`, which runs a command with its output in a log file.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/log
# Debian's own Python, which sees python3-pytest and python3-yaml whatever else is first on PATH.
python=/usr/bin/python3
export PD_CACHE=${PD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pd-operator}
export CCACHE_DIR=${CCACHE_DIR:-$PD_CACHE/ccache}
mkdir -p "$logs" "$PD_CACHE"

fail() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
  exit 1
}

# The project's files that match the patterns, with those that git does not know yet.
project_files() {
  (cd "$root" && git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | while read -r file; do
    [[ ! -f $file ]] || printf '%s\n' "$file"
  done)
}

# step NAME COMMAND...: one line with the time it took; when it fails, the end of its log and the log's name.
step() {
  local name=$1 log started=$SECONDS status=0
  shift
  log=$logs/${name//[^a-zA-Z0-9]/-}.log
  [[ ! -t 1 ]] || printf '%-44s' "$name"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  [[ -t 1 ]] || printf '%-44s' "$name"
  if [[ $status -eq 0 ]]; then
    printf '%5d s\n' $((SECONDS - started))
    return 0
  fi
  printf '%5d s  FAILED\n' $((SECONDS - started))
  {
    printf -- '--- the last lines of %s:\n' "${log#"$root"/}"
    tail -n "${PD_LOG_LINES:-40}" "$log"
    printf -- '--- "%s" failed (exit code %d); the whole log: %s\n' "$name" "$status" "${log#"$root"/}"
  } >&2
  return "$status"
}
