#!/usr/bin/env bash
# Builds localhost/pd-operator:dev of the release programs, as the OCI archive build/image/pd-operator.tar, with whichever
# there is of buildah, podman and docker. Nothing is done while the programs and the Dockerfile are those of the archive.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

image=localhost/pd-operator:dev
programs=(pd-operator pd-agent pd-gate table-printer)
folder=$root/build/image
archive=$folder/pd-operator.tar

shared_objects() {
  local program
  for program in "$@"; do
    # ldd fails for a static program, which needs none.
    { ldd "$program" 2>/dev/null || true; } | grep -oE '/[^ ]+\.so[^ ]*' || true
  done | sort -u
}

stage() {
  local object
  rm -rf "$folder/rootfs" && mkdir -p "$folder/rootfs/usr/local/bin" &&
    install -s -m 0755 "${programs[@]/#/$root/build/release/bin/}" "$folder/rootfs/usr/local/bin/" || return
  while read -r object; do
    install -D -m 0755 "$object" "$folder/rootfs$object" || return
  done < <(shared_objects "$folder"/rootfs/usr/local/bin/*)
}

build_with_buildah() {
  export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
  # A storage of its own: nothing else on the machine is touched, and nothing stays.
  local -a buildah=(buildah --root "$folder/storage" --runroot "$folder/storage-run")
  rm -rf "$folder"/storage{,-run}
  "${buildah[@]}" bud --layers=false --squash -f "$root/Dockerfile" -t "$image" "$folder/rootfs" &&
    "${buildah[@]}" push --disable-compression "$image" "oci-archive:$1:$image" || return
  rm -rf "$folder"/storage{,-run}
}

build_archive() {
  local draft=$folder/draft.tar
  rm -f "$draft"
  stage || return
  if type -P buildah >/dev/null; then
    build_with_buildah "$draft"
  elif type -P podman >/dev/null; then
    podman build -f "$root/Dockerfile" -t "$image" "$folder/rootfs" && podman save --format oci-archive -o "$draft" "$image"
  else
    docker build -f "$root/Dockerfile" -t "$image" "$folder/rootfs" && docker save -o "$draft" "$image"
  fi && mv "$draft" "$archive"
}

fingerprint() {
  (cd "$root" && sha256sum Dockerfile scripts/image.sh "${programs[@]/#/build/release/bin/}")
}

image() {
  exec 9>"$folder/lock"
  flock 9
  if [[ -f $archive && $(fingerprint) == "$(cat "$folder/fingerprint" 2>/dev/null)" ]]; then
    printf 'the archive is that of these programs\n'
    return
  fi
  rm -f "$folder/fingerprint"
  build_archive && fingerprint >"$folder/fingerprint"
}

"$root/scripts/build.sh" release
mkdir -p "$folder"
step "image ${archive#"$root"/}" image
