#!/usr/bin/env bash
# sysroot.sh ARCH: fills build/sysroot-ARCH/root with Debian's packages for ARCH (of scripts/sysroot-packages, and what they
# need), to compile against and to take an image's shared objects from. apt works in a state of its own below that folder,
# with the machine's own sources: the machine's packages and architectures stay as they are. Packages of the same versions are
# not unpacked again.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

arch=${1:-}
[[ $arch == arm64 ]] || fail "there is no cross-build for \"$arch\"; it is sysroot.sh arm64"
folder=$root/build/sysroot-$arch

private_apt() {
  apt-get -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Install-Recommends=0 -o APT::Sandbox::User=root \
    -o "Dir::State=$folder/state" -o "Dir::State::status=$folder/status" -o "Dir::Cache=$folder/cache" "$@"
}

download() {
  local -a wanted
  mapfile -t wanted < <(sed 's/#.*//' "$root/scripts/sysroot-packages" | awk 'NF { print $1 }')
  mkdir -p "$folder"/state/lists/partial "$folder"/cache/archives/partial
  : >"$folder/status" # nothing is installed, so all that is needed is fetched
  private_apt update && private_apt install -y --download-only "${wanted[@]}" || return
  # Those alone: the cache may have older ones, too.
  private_apt install --simulate "${wanted[@]}" |
    sed -nE '/^Inst /{ s/^Inst ([^ ]+) \(([^ ]+) .*\[([a-z0-9]+)\]\).*/\1_\2_\3.deb/; s/:/%3a/g; p }' >"$folder/packages"
}

# One package, with what dpkg keeps of it: dpkg-query answers whose a file is, and in which version.
unpack_one() {
  local package=$1 draft=$2 name info=$2/var/lib/dpkg/info
  name=$(dpkg-deb -f "$package" Package)
  [[ $(dpkg-deb -f "$package" Multi-Arch) != same ]] || name+=:$arch
  dpkg-deb --fsys-tarfile "$package" | tar -xv --keep-directory-symlink -C "$draft" |
    sed 's|^\.||; s|/$||; s|^$|/.|' >"$info/$name.list" &&
    { dpkg-deb -f "$package" | sed '1a Status: install ok installed' && printf '\n'; } >>"$draft/var/lib/dpkg/status"
}

unpack() {
  local draft=$folder/draft package link
  rm -rf "$draft" "$folder/root" "$folder/unpacked"
  mkdir -p "$draft"/usr/{bin,sbin,lib} "$draft/var/lib/dpkg/info" || return
  printf '1\n' >"$draft/var/lib/dpkg/info/format"
  for link in bin sbin lib; do
    ln -s "usr/$link" "$draft/$link"
  done
  while read -r package; do
    unpack_one "$folder/cache/archives/$package" "$draft" || return
  done <"$folder/packages"
  # A link to /lib/... means the sysroot's.
  while read -r link; do
    ln -sfnr "$draft$(readlink "$link")" "$link"
  done < <(find "$draft" -type l -lname '/*')
  mv "$draft" "$folder/root"
}

sysroot() {
  download || return
  (cd "$folder/cache/archives" && xargs -d '\n' sha256sum) <"$folder/packages" >"$folder/downloaded" || return
  if cmp -s "$folder/downloaded" "$folder/unpacked"; then
    printf 'these packages are unpacked already\n'
    return
  fi
  unpack && mv "$folder/downloaded" "$folder/unpacked"
}

mkdir -p "$folder"
step "sysroot of Debian's $arch packages" sysroot
