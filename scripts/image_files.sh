#!/usr/bin/env bash
# image_files.sh FOLDER [ARCH]: fills FOLDER with what the image holds: the release programs, the shared objects they and the
# driver's tools need, and the list of all of it (SPDX) with the licences. Run on Debian 12, here or in the Dockerfile's first
# stage. For another architecture than the machine's (arm64) all comes from its cross-build and sysroot.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=(pd-operator pd-agent pd-gate pdctl table-printer)
# The agent runs the driver's tools of the node in this image; older ones name these parts of today's C library.
for_the_driver=(libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libstdc++.so.6 libgcc_s.so.1)

# Names of the shared objects that the files need, and of their loader. Read, not run: they may be for another architecture.
needed() {
  LC_ALL=C readelf -W -d -l "$@" | sed -nE 's/.*Shared library: \[(.*)\]/\1/p; s/.*program interpreter: (.*)\]/\1/p' | sort -u
}

# shared_objects PROGRAM...: their paths, with those that they need themselves.
shared_objects() {
  local name path
  local -a names
  local -A seen=()
  mapfile -t names < <(printf '%s\n' "${for_the_driver[@]}" && needed "$@")
  while [[ ${#names[@]} -gt 0 ]]; do
    name=${names[0]}
    names=("${names[@]:1}")
    [[ $name != ld-linux* ]] || continue # the C library names its loader, too: it is where the programs say
    [[ $name == /* ]] || name=/lib/$multiarch/$name
    [[ -z ${seen[$name]:-} ]] || continue
    seen[$name]=yes
    path=$sysroot$name
    [[ -e $path ]] || { printf 'image_files: %s is needed, and is not there\n' "$path" >&2; return 1; }
    printf '%s\n' "$name"
    mapfile -t -O ${#names[@]} names < <(needed "$path")
  done
}

main() {
  local folder=$1 object objects
  rm -rf "$folder"
  mkdir -p "$folder/usr/local/bin"
  install -m 0755 "${programs[@]/#/$built/bin/}" "$folder/usr/local/bin/"
  "${tools}strip" "$folder"/usr/local/bin/*
  objects=$(shared_objects "$folder"/usr/local/bin/*)
  while read -r object; do
    install -D -m 0755 "$sysroot$object" "$folder$object"
  done < <(sort -u <<<"$objects")
  /usr/bin/python3 "$root/scripts/sbom.py" --sysroot "$sysroot" "$folder" "$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")"
  install -D -m 0644 "$root/LICENSE" "$folder/usr/share/doc/pd-operator/LICENSE"
  # The image must not depend on who builds it, and when.
  chmod -R u=rwX,go=rX "$folder"
  find "$folder" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
}

[[ $# -eq 1 || $# -eq 2 ]] || { printf 'image_files: it is image_files.sh FOLDER [ARCH]\n' >&2; exit 2; }
arch=${2:-$(dpkg --print-architecture)}
if [[ $arch == "$(dpkg --print-architecture)" ]]; then
  multiarch=$(g++ -print-multiarch) built=$root/build/release sysroot='' tools=''
else
  [[ $arch == arm64 ]] || { printf 'image_files: there is no cross-build for "%s"; there is one for arm64\n' "$arch" >&2; exit 2; }
  multiarch=aarch64-linux-gnu built=$root/build/release-arm64 sysroot=$root/build/sysroot-arm64/root tools=aarch64-linux-gnu-
fi
main "$1"
