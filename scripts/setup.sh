#!/usr/bin/env bash
# Installs what the project needs and the machine lacks. `setup.sh packages [LIST...]` does only the packages of the
# project (or of the given list files), without the test cluster's programs.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

wanted_packages() {
  sed 's/#.*//' "$@" | awk 'NF { print $1 }' | sort -u
}

installed_packages() {
  dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | awk '$1 == "ii" { print $2 }' | sort -u
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update && apt-get install -y --no-install-recommends "$@"
}

setup_packages() {
  local -a missing
  type -P apt-get >/dev/null || fail "this needs Debian 12 (there is no apt-get here); the packages are in scripts/debian-packages"
  mapfile -t missing < <(comm -23 <(wanted_packages "$@") <(installed_packages))
  [[ ${#missing[@]} -gt 0 ]] || return 0
  [[ $(id -u) -eq 0 ]] || fail "these packages are missing, and only root can install them (sudo ./dev setup): ${missing[*]}"
  step "install ${#missing[@]} Debian packages" install_packages "${missing[@]}"
}

lists=("$root/scripts/debian-packages" "$root/tests/cluster/debian-packages")
if [[ ${1:-} == packages ]]; then
  shift
  [[ $# -eq 0 ]] || lists=("$@")
  setup_packages "${lists[@]}"
else
  [[ $# -eq 0 ]] || fail "unknown argument \"$1\"; it is ./dev setup"
  setup_packages "${lists[@]}"
  step "cluster programs" "$root/tests/cluster/programs/build"
fi
