"""What is in the image, and that it is the same when it is built again."""
import hashlib
import json
import os
import subprocess
import tarfile

import pytest
from live_cluster import ROOT

FOLDER = ROOT / "build" / "image"
ARCHIVE = FOLDER / "pd-operator.tar"
LIMIT = 60 * 1000 * 1000  # bytes of files
DOCUMENTS = "usr/share/doc/pd-operator/"


def blob(archive, digest):
    return archive.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}").read()


def manifest_of(archive):
    index = json.load(archive.extractfile("index.json"))
    (entry,) = index["manifests"]
    return entry["digest"], json.loads(blob(archive, entry["digest"]))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The image's files, unpacked; the layers' tars are not compressed."""
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(ARCHIVE) as archive:
        for layer in manifest_of(archive)[1]["layers"]:
            packed = archive.extractfile(f"blobs/sha256/{layer['digest'].removeprefix('sha256:')}")
            with tarfile.open(fileobj=packed) as content:
                content.extractall(folder)
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def config():
    with tarfile.open(ARCHIVE) as archive:
        return json.loads(blob(archive, manifest_of(archive)[1]["config"]["digest"]))


def test_it_is_small(files):
    assert sum(path.stat().st_size for path in files.values()) <= LIMIT


def test_it_has_the_programs_and_nothing_to_work_with(files):
    programs = sorted(name.removeprefix("usr/local/bin/") for name in files if name.startswith("usr/local/bin/"))
    assert programs == ["pd-agent", "pd-gate", "pd-operator", "pdctl", "table-printer"]
    others = [name for name in files if not name.startswith(("usr/local/bin/", DOCUMENTS)) and ".so" not in name.rsplit("/", 1)[-1]]
    assert others == [], "no shell, no package manager, nothing else"


def test_it_runs_as_nobody_in_particular(config, files):
    assert config["config"]["User"] == "65532:65532"
    assert all(path.stat().st_mode & 0o004 for path in files.values()), "any user can read it"


def test_its_labels(config):
    labels = config["config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "pd-operator"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert f"VERSION {labels['org.opencontainers.image.version']} " in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


def test_the_list_of_parts_names_each_and_its_licence(files):
    sbom = json.loads(files[DOCUMENTS + "sbom.spdx.json"].read_text(encoding="utf-8"))
    assert sbom["spdxVersion"] == "SPDX-2.3"
    named = {package["name"] for package in sbom["packages"]}
    assert {"pd-operator", "libc6", "libstdc++6", "libssl3", "libcpprest2.10", "nlohmann-json3-dev"} <= named
    licences = {name.removeprefix(DOCUMENTS + "licences/") for name in files if name.startswith(DOCUMENTS + "licences/")}
    assert licences == named - {"pd-operator"}
    identifiers = [package["SPDXID"] for package in sbom["packages"]]
    assert len(identifiers) == len(set(identifiers))
    assert {relation["relatedSpdxElement"] for relation in sbom["relationships"]} == set(identifiers)
    assert len(files[DOCUMENTS + "licences.txt"].read_text(encoding="utf-8").splitlines()) == len(named)


def test_the_same_again(tmp_path):
    """... from the same programs, in another moment."""
    with tarfile.open(ARCHIVE) as archive:
        before = manifest_of(archive)[0]
    kept = hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
    (FOLDER / "fingerprint").unlink()
    subprocess.run([ROOT / "scripts" / "image.sh"], check=True, stdout=subprocess.DEVNULL, cwd=tmp_path, env=os.environ)
    with tarfile.open(ARCHIVE) as archive:
        assert manifest_of(archive)[0] == before, f"it was another (archive {kept})"
