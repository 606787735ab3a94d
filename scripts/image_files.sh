#!/usr/bin/env bash
# image_files.sh FOLDER: fills FOLDER with what the image holds: the release programs, the shared objects they and the
# driver's tools need, and the list of all of it (SPDX) with the licences. Run on Debian 12, here or in the Dockerfile's first stage.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=(pd-operator pd-agent pd-gate pdctl table-printer)
# The agent runs the driver's tools of the node in this image; older ones name these parts of today's C library.
for_the_driver=(libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libstdc++.so.6 libgcc_s.so.1)

shared_objects() {
  local program
  for program in "$@"; do
    # ldd fails for a static program, which needs none.
    { ldd "$program" 2>/dev/null || true; } | grep -oE '/[^ ]+\.so[^ ]*' || true
  done
  printf "/lib/$(g++ -print-multiarch)/%s\n" "${for_the_driver[@]}"
}

main() {
  local folder=$1 object
  rm -rf "$folder"
  mkdir -p "$folder/usr/local/bin"
  install -s -m 0755 "${programs[@]/#/$root/build/release/bin/}" "$folder/usr/local/bin/"
  while read -r object; do
    install -D -m 0755 "$object" "$folder$object"
  done < <(shared_objects "$folder"/usr/local/bin/* | sort -u)
  /usr/bin/python3 "$root/scripts/sbom.py" "$folder" "$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")"
  install -D -m 0644 "$root/LICENSE" "$folder/usr/share/doc/pd-operator/LICENSE"
  # The image must not depend on who builds it, and when.
  chmod -R u=rwX,go=rX "$folder"
  find "$folder" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
}

[[ $# -eq 1 ]] || { printf 'image_files: it is image_files.sh FOLDER\n' >&2; exit 2; }
main "$1"
