#!/usr/bin/env bash
# release.sh VERSION: makes of this commit, in build/release-VERSION, what is given to people: the chart, for each architecture
# the image's archive and a pdctl that runs on any Linux, the lists of what they are made of (SPDX), and the sums of all. The
# same commit with the same Debian packages gives the same bytes. PD_ARCHES=amd64: for that architecture alone.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

[[ $# -eq 1 && $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "it is ./dev release VERSION, as in: ./dev release 0.2.0"
version=$1
read -ra arches <<<"${PD_ARCHES:-amd64 arm64}"
work=$root/build/release-work
draft=$work/release-$version
result=$root/build/release-$version

# CMakeLists.txt is what programs, image and SBOM take the version from; Helm and people want it in files of their own.
check_versions() {
  local wrong='' first chart=$root/charts/pd-operator/Chart.yaml
  compare() {
    [[ $2 == "$version" ]] || wrong+=$'\n'"  $1 says ${2:-nothing}"
  }
  compare 'CMakeLists.txt: project(... VERSION ...)' "$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")"
  compare 'charts/pd-operator/Chart.yaml: version' "$(sed -n 's/^version: *//p' "$chart")"
  compare 'charts/pd-operator/Chart.yaml: appVersion' "$(sed -n 's/^appVersion: *//p' "$chart")"
  first=$(sed -n 's/^## \[\([0-9][^]]*\)\].*/\1/p' "$root/CHANGELOG.md" | sed -n 1p)
  compare 'CHANGELOG.md: the newest release, "## [VERSION] - DATE",' "$first"
  [[ -z $wrong ]] || fail "the project is not at $version; write $version there, and commit it:$wrong"
}

check_commit() {
  git -C "$root" rev-parse --verify --quiet HEAD >/dev/null ||
    fail "a release is made of a commit, and $root is no git repository with one; clone the project, and release there"
  [[ -z $(git -C "$root" status --porcelain) ]] ||
    fail "a release is made of a commit, and some files differ from it (git status); commit them first"
  SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct)
  export SOURCE_DATE_EPOCH
}

check_arches() {
  local arch
  for arch in "${arches[@]}"; do
    [[ $arch == amd64 || $arch == arm64 ]] || fail "PD_ARCHES names \"$arch\"; a release is for amd64, arm64 or both"
  done
  [[ ${#arches[@]} -gt 0 ]] || fail "PD_ARCHES is empty; a release is for amd64, arm64 or both"
  [[ $(dpkg --print-architecture) == amd64 ]] ||
    fail "a release is made on amd64, and this machine is $(dpkg --print-architecture)"
}

# pack FOLDER MEMBER: prints an archive, the same bytes for the same content.
pack() {
  tar -C "$1" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu \
    --mode=u+rwX,go+rX,go-w -cf - "$2"
}

# Helm checks the chart, and leaves out what is not for people; it would put the time of day into the package.
chart() {
  local helm
  # shellcheck source=/dev/null
  helm=$(source "$root/tests/cluster/programs/locations" && program_path helm4)
  rm -rf "$work/chart"
  mkdir -p "$work/chart"
  "$helm" lint --strict --set image.repository=localhost/pd-operator "$root/charts/pd-operator" &&
    "$helm" package --destination "$work/chart" "$root/charts/pd-operator" &&
    tar -C "$work/chart" -xzf "$work/chart/pd-operator-$version.tgz" || return
  pack "$work/chart" pd-operator | gzip -9n >"$draft/pd-operator-chart-$version.tgz"
}

image_archive() {
  local arch=$1 folder=$work/image-$1 content=$work/image-content
  rm -rf "$content"
  mkdir -p "$content" && tar -C "$content" -xf "$folder/pd-operator.tar" || return
  pack "$content" . >"$draft/pd-operator-image-$version-linux-$arch.tar" &&
    cp "$folder/sbom.spdx.json" "$draft/pd-operator-image-$version-linux-$arch.spdx.json"
}

pdctl_archive() {
  local arch=$1 name=pdctl-$version-linux-$1 built=$root/build/release sysroot='' folder
  if [[ $arch == arm64 ]]; then
    built=$root/build/release-arm64 sysroot=$root/build/sysroot-arm64/root
  fi
  folder=$work/pdctl/$name
  rm -rf "$work/pdctl" "$work/pdctl-parts"
  mkdir -p "$folder" "$work/pdctl-parts" || return
  "$python" "$root/scripts/sbom.py" --static-pdctl --sysroot "$sysroot" "$work/pdctl-parts" "$version" || return
  install -m 0755 "$built/bin/pdctl-any-linux" "$folder/pdctl" &&
    cp -r "$root/LICENSE" "$root/CHANGELOG.md" "$work/pdctl-parts/usr/share/doc/pd-operator"/licences* "$folder/" &&
    pack "$work/pdctl" "$name" | gzip -9n >"$draft/$name.tar.gz" &&
    cp "$work/pdctl-parts/usr/share/doc/pd-operator/sbom.spdx.json" "$draft/$name.spdx.json"
}

sums() {
  (cd "$draft" && LC_ALL=C sha256sum -- * >"$work/SHA256SUMS") && mv "$work/SHA256SUMS" "$draft/" &&
    rm -rf "$result" && mv "$draft" "$result"
}

check_versions
check_commit
check_arches
[[ " ${arches[*]} " != *" arm64 "* ]] || "$root/scripts/setup.sh" packages "$root/scripts/release-packages"
"$root/scripts/setup.sh" packages
rm -rf "$draft"
mkdir -p "$draft"
step "Helm" "$root/tests/cluster/programs/build" helm4
step "chart" chart
for arch in "${arches[@]}"; do
  preset=release
  if [[ $arch == arm64 ]]; then
    preset=release-arm64
    "$root/scripts/sysroot.sh" arm64
  fi
  "$root/scripts/image.sh" "$arch" "$work/image-$arch" "$version"
  step "image's archive ($arch)" image_archive "$arch"
  "$root/scripts/build.sh" "$preset" pdctl-any-linux
  step "pdctl ($arch)" pdctl_archive "$arch"
done
step "sums" sums
(cd "$result" && du -h --apparent-size -- * | sed "s|\t|  ${result#"$root"/}/|")
