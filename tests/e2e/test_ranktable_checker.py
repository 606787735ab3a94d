"""The independent checker itself: that it makes the seed's tables, and finds what is wrong."""
import json

import pytest
import ranktable_checker
from live_cluster import ROOT
from ranktable_checker import RanktableChecker, compact

SAMPLES = ROOT / "tests" / "data" / "ranktable"
NODES = ("real-0", "real-1")
# Of the sample with two instances a role: by role and instance the node and its NPUs.
HELD = {("scheduler", 0): (0, []), ("prefill", 0): (0, [4, 5]), ("prefill", 1): (1, [0, 1]), ("decode", 0): (0, [6, 7]), ("decode", 1): (1, [2, 3])}


def pod(role, instance, node):
    name = f"qwen-{role}-{instance}-0-1"
    labels = {"pd-operator.io/role": role, "pd-operator.io/instance": str(instance)}
    return {"metadata": {"name": name, "namespace": "llm", "uid": name, "labels": labels}, "spec": {"nodeName": NODES[node]},
            "status": {"podIP": f"10.0.0.{18 + node}"}}


class FakeSystem:
    """Its pods see what is put into `files`, by name."""

    def __init__(self):
        self.items = [pod(*slot, node) for slot, (node, _) in HELD.items()]
        self.files = {}

    def pods(self, *_, **__):
        return self.items

    def node_annotation(self, node, _):
        return {"devices": [{"id": number, "ip": f"29.81.{18 + NODES.index(node)}.{100 + number}"} for number in range(8)]}

    def read_in_pod(self, one, file):
        return self.files[one["metadata"]["name"], file]


def sample(name):
    return compact(json.loads((SAMPLES / name).read_text(encoding="utf-8")))


@pytest.fixture
def system(monkeypatch):
    held = [{("llm", f"qwen-{role}-{instance}-0-1"): ids for (role, instance), (at, ids) in HELD.items() if at == node} for node in (0, 1)]
    monkeypatch.setattr(ranktable_checker, "kubelets_devices", lambda _, node: held[NODES.index(node)])
    system = FakeSystem()
    table, local = RanktableChecker(system).expected(system.items)
    for one in system.items:
        name = one["metadata"]["name"]
        system.files.update({(name, "global_ranktable.json"): table, (name, "local_ranktable.json"): local[name], (name, "generation"): "7"})
    return system


def test_it_makes_the_seeds_tables(system):
    assert system.files["qwen-decode-1-0-1", "global_ranktable.json"] == sample("ascendcloud-2p2d-global_ranktable_merge.json")
    assert system.files["qwen-prefill-0-0-1", "local_ranktable.json"] == sample("ascendcloud-local_ranktable_10.0.0.18_45.json")
    assert system.files["qwen-scheduler-0-0-1", "local_ranktable.json"] == sample("ascendcloud-local_ranktable_10.0.0.18_host.json")
    assert RanktableChecker(system).check("qwen", "llm") == 7


@pytest.mark.parametrize("file, before, after", [
    ("global_ranktable.json", "29.81.19.102", "29.81.19.103"),
    ("local_ranktable.json", '"device_id":"0"', '"device_id":"1"'),
    ("generation", "7", "8"),
])
def test_it_finds_one_pod_that_sees_something_else(system, file, before, after):
    place = "qwen-prefill-1-0-1", file
    system.files[place] = system.files[place].replace(before, after)
    with pytest.raises(AssertionError):
        RanktableChecker(system).check("qwen", "llm")


def test_fields_of_a_message():
    message = b"\x0a\x03abc\x12\x02de\x18\xac\x02\x0a\x01f"
    assert list(ranktable_checker.fields(message)) == [(1, b"abc"), (2, b"de"), (3, 300), (1, b"f")]
