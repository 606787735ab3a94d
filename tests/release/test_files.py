"""What `./dev release` has made, in the folder that PD_RELEASE names: `./dev verify` makes it."""
import hashlib
import json
import os
import pathlib
import subprocess
import tarfile

import pytest
import yaml
from static_program import EmptyRoot, Root, assert_static, assert_works, headers
from test_refusals import VERSION

FOLDER = pathlib.Path(os.environ["PD_RELEASE"])
ARCHES = {"amd64": "X86-64", "arm64": "AArch64"}  # as readelf has them
each_arch = pytest.mark.parametrize("arch", ARCHES)


def names_of(arch):
    image, pdctl = f"pd-operator-image-{VERSION}-linux-{arch}", f"pdctl-{VERSION}-linux-{arch}"
    return {f"{image}.tar", f"{image}.spdx.json", f"{pdctl}.tar.gz", f"{pdctl}.spdx.json"}


def test_there_is_all_and_no_more():
    expected = {"SHA256SUMS", f"pd-operator-chart-{VERSION}.tgz"}.union(*map(names_of, ARCHES))
    assert {path.name for path in FOLDER.iterdir()} == expected


def test_the_sums():
    listed = dict(reversed(line.split()) for line in (FOLDER / "SHA256SUMS").read_text(encoding="ascii").splitlines())
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir() if path.name != "SHA256SUMS"}


def test_the_chart():
    with tarfile.open(FOLDER / f"pd-operator-chart-{VERSION}.tgz") as chart:
        about = yaml.safe_load(chart.extractfile("pd-operator/Chart.yaml"))
        names = set(chart.getnames())
    assert (about["version"], about["appVersion"]) == (VERSION, VERSION)
    assert {"pd-operator/values.yaml", "pd-operator/values-cce.yaml", "pd-operator/files/pddeployments.yaml", "pd-operator/README.md"} <= names
    assert "pd-operator/files/README.md" not in names, "it is for those who change the chart"


def unpack_image(arch, folder):
    """The image's configuration; its files are in `folder`."""
    with tarfile.open(FOLDER / f"pd-operator-image-{VERSION}-linux-{arch}.tar") as archive:
        def blob(digest):
            return archive.extractfile("./blobs/sha256/" + digest.removeprefix("sha256:"))
        (entry,) = json.load(archive.extractfile("./index.json"))["manifests"]
        manifest = json.load(blob(entry["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer["digest"])) as content:
                content.extractall(folder)
        return json.load(blob(manifest["config"]["digest"]))


@each_arch
def test_an_image(arch, tmp_path):
    config = unpack_image(arch, tmp_path)
    assert (config["os"], config["architecture"]) == ("linux", arch)
    assert config["config"]["Labels"]["org.opencontainers.image.version"] == VERSION
    programs = sorted((tmp_path / "usr/local/bin").iterdir())
    assert [path.name for path in programs] == ["pd-agent", "pd-gate", "pd-operator", "pdctl", "table-printer"]
    objects = {path.name: path for path in tmp_path.rglob("*.so*")}
    for path in [*programs, *objects.values()]:
        read = headers(path)
        assert ARCHES[arch] in read, f"{path} is for another machine"
        needed = [line.rpartition("[")[2].rstrip("]") for line in read.splitlines() if "(NEEDED)" in line]
        assert set(needed) <= set(objects), f"{path} lacks shared objects"
    root = Root(tmp_path, arch)
    for path in programs:
        asked = root.run(f"/usr/local/bin/{path.name}", "--help")
        assert asked.returncode == 0 and path.name in asked.stdout, asked.stderr
    sbom = json.loads((FOLDER / f"pd-operator-image-{VERSION}-linux-{arch}.spdx.json").read_text(encoding="utf-8"))
    assert {"pd-operator", "libc6", "libcpprest2.10"} <= {package["name"] for package in sbom["packages"]}


@each_arch
def test_a_static_pdctl(arch, tmp_path):
    name = f"pdctl-{VERSION}-linux-{arch}"
    with tarfile.open(FOLDER / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path)
    files = tmp_path / name
    assert ARCHES[arch] in headers(files / "pdctl")
    assert_static(files / "pdctl")
    root = tmp_path / "root"
    root.mkdir()
    assert_works(EmptyRoot(root, files / "pdctl", arch), VERSION)
    sbom = json.loads((FOLDER / f"{name}.spdx.json").read_text(encoding="utf-8"))
    parts = {package["name"] for package in sbom["packages"]}
    assert {"pdctl", "libc6-dev", "libyaml-cpp-dev"} <= parts and "libcpprest2.10" not in parts
    assert {path.name for path in (files / "licences").iterdir()} == parts - {"pdctl"}


def test_helm_takes_the_chart():
    helm = subprocess.run(["bash", "-c", "source tests/cluster/programs/locations && program_path helm4"], capture_output=True, text=True,
                          check=True, cwd=pathlib.Path(__file__).parents[2]).stdout.strip()
    rendered = subprocess.run([helm, "template", "pd-operator", FOLDER / f"pd-operator-chart-{VERSION}.tgz", "--set",
                               "image.repository=localhost/pd-operator"], capture_output=True, text=True, check=True).stdout
    assert f"image: localhost/pd-operator:{VERSION}" in rendered or f'image: "localhost/pd-operator:{VERSION}"' in rendered
