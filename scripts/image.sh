#!/usr/bin/env bash
# Builds localhost/pd-operator:dev of the release programs, as the OCI archive build/image/pd-operator.tar with its SBOM beside
# it, with whichever there is of buildah, podman and docker; setup installs buildah. The same programs give the same digest with the first two.
# Nothing is done while the programs and the Dockerfile are those of the archive.
# image.sh ARCH FOLDER TAG (`./dev release`): of the programs for ARCH, into FOLDER, as pd-operator:TAG, its layer compressed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

host_arch=$(dpkg --print-architecture)
arch=${1:-$host_arch}
folder=${2:-$root/build/image}
image=localhost/pd-operator:${3:-dev}
preset=release
compression=(--disable-compression)
[[ $# -eq 0 ]] || compression=()
[[ $arch == "$host_arch" ]] || preset=release-$arch
programs=(pd-operator pd-agent pd-gate pdctl table-printer)
version=$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
archive=$folder/pd-operator.tar
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}

# The Dockerfile's last stage, with the files that were gathered here in place of its first one's.
last_stage() {
  sed '1,/^FROM scratch/d; s|^COPY --from=build /rootfs |COPY . |' "$root/Dockerfile" | sed '1i FROM scratch'
}

build_with_buildah() {
  export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
  # A storage of its own: nothing else on the machine is touched, and nothing stays.
  local -a buildah=(buildah --root "$folder/storage" --runroot "$folder/storage-run")
  rm -rf "$folder"/storage{,-run}
  "${buildah[@]}" bud --layers=false --squash "${options[@]}" --timestamp "$SOURCE_DATE_EPOCH" -t "$image" "$folder/rootfs" &&
    "${buildah[@]}" push "${compression[@]}" "$image" "oci-archive:$1:$image" || return
  rm -rf "$folder"/storage{,-run}
}

build_archive() {
  local draft=$folder/draft.tar
  # Nothing runs in the last stage, so an image for another architecture needs no emulator.
  local -a options=(-f "$folder/Dockerfile" --platform "linux/$arch" --build-arg "VERSION=$version")
  rm -f "$draft"
  "$root/scripts/image_files.sh" "$folder/rootfs" "$arch" && last_stage >"$folder/Dockerfile" || return
  if type -P buildah >/dev/null; then
    build_with_buildah "$draft"
  elif type -P podman >/dev/null; then
    podman build "${options[@]}" --timestamp "$SOURCE_DATE_EPOCH" -t "$image" "$folder/rootfs" &&
      podman save --format oci-archive -o "$draft" "$image"
  else
    docker build "${options[@]}" -t "$image" "$folder/rootfs" && docker save -o "$draft" "$image"
  fi && cp "$folder/rootfs/usr/share/doc/pd-operator/sbom.spdx.json" "$folder/" && mv "$draft" "$archive"
}

fingerprint() {
  printf '%s of %s\n' "$image" "$SOURCE_DATE_EPOCH"
  (cd "$root" && sha256sum Dockerfile scripts/{image.sh,image_files.sh,sbom.py} "${programs[@]/#/build/$preset/bin/}")
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

if [[ $# -eq 0 ]]; then
  "$root/scripts/build.sh" release
else
  "$root/scripts/build.sh" "$preset" "${programs[@]}"
fi
mkdir -p "$folder"
step "image ${archive#"$root"/}" image
