"""The sample controller of docs/runtime.md, as a program on the real API server."""
import re
import time

import pytest
from live_cluster import PROGRAMS, ROOT, SCRIPT, patience


def test_the_document_shows_the_samples_own_code():
    document = (ROOT / "docs" / "runtime.md").read_text()
    assert len(document.splitlines()) < 60
    sample = "".join(file.read_text() for file in sorted((ROOT / "examples" / "copier").glob("*.cpp")))
    blocks = re.findall(r"```cpp\n(.*?)```", document, re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        assert block in sample


@pytest.fixture(scope="module")
def copier(cluster):
    for namespace in ("copy-from", "copy-to"):
        cluster.kubectl("create", "namespace", namespace)
    cluster.start_process("copier", SCRIPT, "exec", "--name", cluster.name, "--", PROGRAMS / "copier", "copy-from", "copy-to")
    yield cluster
    assert cluster.stop_process("copier") == 0, cluster.log("copier")
    cluster.kubectl("delete", "namespace", "copy-from", "copy-to", "--wait=false")


def copy_becomes(cluster, name, wanted):
    deadline = time.monotonic() + patience(30)
    while True:
        found = cluster.kubectl("get", "configmap", name, "-n", "copy-to", "-o", "jsonpath={.data.value}", check=False)
        value = found.stdout if found.returncode == 0 else None
        if value == wanted:
            return
        assert time.monotonic() < deadline, f"{name} is {value!r}, not {wanted!r}\n{cluster.log('copier')}"


def test_copies_follow_their_sources(copier):
    copier.kubectl("create", "configmap", "a", "-n", "copy-from", "--from-literal=value=1")
    copier.kubectl("label", "configmap", "a", "-n", "copy-from", "copier.example/copy=yes")
    copy_becomes(copier, "a", "1")
    copier.kubectl("patch", "configmap", "a", "-n", "copy-from", "--type=merge", "-p", '{"data":{"value":"2"}}')
    copy_becomes(copier, "a", "2")
    copier.kubectl("delete", "configmap", "a", "-n", "copy-to")
    copy_becomes(copier, "a", "2")
    copier.kubectl("delete", "configmap", "a", "-n", "copy-from")
    copy_becomes(copier, "a", None)


def test_what_is_not_a_copy_is_left_alone(copier):
    copier.kubectl("create", "configmap", "taken", "-n", "copy-to", "--from-literal=value=mine")
    copier.kubectl("create", "configmap", "taken", "-n", "copy-from", "--from-literal=value=theirs")
    copier.kubectl("label", "configmap", "taken", "-n", "copy-from", "copier.example/copy=yes")
    copier.kubectl("create", "configmap", "b", "-n", "copy-from", "--from-literal=value=1")
    copier.kubectl("label", "configmap", "b", "-n", "copy-from", "copier.example/copy=yes")
    copy_becomes(copier, "b", "1")  # later than the attempt at the other
    copy_becomes(copier, "taken", "mine")
