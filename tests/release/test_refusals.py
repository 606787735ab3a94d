"""What ./dev release refuses, before it makes anything; and that the version is the same wherever it is written."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml
from live_cluster import ROOT

NAMED = ["CMakeLists.txt", "CHANGELOG.md", "charts/pd-operator/Chart.yaml", "dev", "scripts/release.sh", "scripts/steps.sh"]


def versions():
    chart = yaml.safe_load((ROOT / "charts/pd-operator/Chart.yaml").read_text(encoding="utf-8"))
    return {
        "CMakeLists.txt": re.search(r"^project\(.* VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)[1],
        "Chart.yaml version": chart["version"],
        "Chart.yaml appVersion": chart["appVersion"],
        "CHANGELOG.md": re.search(r"^## \[([0-9][^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1],
    }


VERSION = versions()["CMakeLists.txt"]


class Project:
    """What of the project ./dev release looks at before it builds, as a repository of its own."""

    def __init__(self, folder):
        self.folder = folder
        for name in NAMED:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
        (folder / ".gitignore").write_text("/build/\n", encoding="ascii")
        self.git("init", "--quiet")
        self.commit()

    def git(self, *arguments):
        subprocess.run(["git", "-C", self.folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a state")

    def replace(self, name, old, new):
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def refusal(self, *arguments, **environment):
        ran = subprocess.run([self.folder / "dev", "release", *arguments], capture_output=True, text=True, check=False, timeout=60,
                             env={**os.environ, "PD_CACHE": str(self.folder / "build" / "cache"), **environment})
        assert ran.returncode == 1, ran.stdout + ran.stderr
        assert not list((self.folder / "build").glob("release*")), "nothing was made"
        return ran.stderr


@pytest.fixture
def project(tmp_path: pathlib.Path):
    return Project(tmp_path)


def test_the_version_is_the_same_everywhere():
    assert set(versions().values()) == {VERSION}, versions()


@pytest.mark.parametrize("arguments", [[], ["next"], ["v0.1.0"], ["0.1"], ["0.1.0", "0.2.0"]])
def test_what_is_no_version(project, arguments):
    assert "it is ./dev release VERSION, as in: ./dev release 0.2.0" in project.refusal(*arguments)


def test_a_version_that_the_project_is_not_at(project):
    said = project.refusal("99.0.0")
    assert "the project is not at 99.0.0; write 99.0.0 there, and commit it:" in said
    for where in ["CMakeLists.txt: project(... VERSION ...)", "Chart.yaml: version", "Chart.yaml: appVersion", "CHANGELOG.md: the newest release"]:
        assert re.search(re.escape(where) + f".* says {re.escape(VERSION)}\n", said), said


def test_one_place_that_was_forgotten(project):
    project.replace("charts/pd-operator/Chart.yaml", f"appVersion: {VERSION}", "appVersion: 98.0.0")
    project.commit()
    said = project.refusal(VERSION)
    assert "charts/pd-operator/Chart.yaml: appVersion says 98.0.0" in said
    assert "CMakeLists.txt" not in said and "CHANGELOG.md" not in said


def test_a_changelog_without_a_release(project):
    project.replace("CHANGELOG.md", f"## [{VERSION}]", "## Soon")
    project.commit()
    assert 'CHANGELOG.md: the newest release, "## [VERSION] - DATE", says nothing' in project.refusal(VERSION)


def test_files_that_are_not_committed(project):
    (project.folder / "another").touch()
    assert "some files differ from it (git status); commit them first" in project.refusal(VERSION)


def test_no_repository(project):
    shutil.rmtree(project.folder / ".git")
    assert "is no git repository with one; clone the project" in project.refusal(VERSION)


def test_an_architecture_that_there_is_not(project):
    assert 'PD_ARCHES names "riscv64"; a release is for amd64, arm64 or both' in project.refusal(VERSION, PD_ARCHES="riscv64")
