"""The real API server does what the simulated one does: both are held to the list of docs/conformance.md (the simulated one
by the unit tests). The program runs once; each behaviour is a test. What the server's version does not have, by that list, must
be skipped, and nothing else."""
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from live_cluster import PROGRAMS, ROOT

# name -> "since 1.34", "before 1.32", or "" for all versions
BEHAVIOURS = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", (ROOT / "docs" / "conformance.md").read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def version(cluster):
    """The server's minor version."""
    return int(re.match(r"\d+", json.loads(cluster.kubectl("get", "--raw", "/version").stdout)["minor"]).group())


@pytest.fixture(scope="module")
def results(cluster, tmp_path_factory):
    """What was said of each behaviour that failed or was skipped; None for one that holds."""
    report = tmp_path_factory.mktemp("conformance") / "report.xml"
    script = '"$0" --kubeconfig="$KUBECONFIG" --etcd=127.0.0.1:2379 --gtest_filter="Api.*" --gtest_output="xml:$1"'
    run = cluster.run("exec", "--", "sh", "-c", script, PROGRAMS / "conformance", report, check=False)
    assert report.exists(), run.stdout + run.stderr

    def said(case):
        parts = [f"{part.tag}: {part.get('message', '')}" for part in case if part.tag in ("failure", "error", "skipped")]
        return "\n".join(parts) if parts else None

    return {case.get("name"): said(case) for case in ElementTree.parse(report).getroot().iter("testcase")}


def test_the_list_is_whole(results):
    assert sorted(results) == sorted(BEHAVIOURS)
    assert len(BEHAVIOURS) >= 60


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_holds(results, version, behaviour):
    said, (bound, _, minor) = results[behaviour], BEHAVIOURS[behaviour].partition(" 1.")
    if not bound or (version >= int(minor)) == (bound == "since"):
        assert said is None, said
        return
    assert said and re.fullmatch(rf"skipped: \S+\n{bound} 1\.{minor}, and this is 1\.{version}", said), said
    if bound == "since":
        pytest.skip(said)
