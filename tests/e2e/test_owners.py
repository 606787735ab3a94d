"""Who holds which NPUs, through 200 random creations and deletions of pods: what the agents say is true at any moment, and at
the end complete. PD_OWNERS_SEED chooses another sequence."""
import collections
import json
import os
import random
import statistics
import time

import pytest
from api_watch import ApiWatch
from attribution import wrong_attributions
from given_devices import GivenDevices
from live_cluster import patience
from manifests import npu_pod
from pd_system import NODES

CREATIONS = 200
NAMES = [f"pod-{number}" for number in range(14)]  # few, so that each is used again and again; they want twice what there is
SEED = int(os.environ.get("PD_OWNERS_SEED", "6"))


class Churn:
    """Creates and deletes pods of the few names, several at a time."""

    def __init__(self, system, namespace, pods, seed):
        self.system, self.namespace, self.pods = system, namespace, pods
        self.random = random.Random(seed)
        self.done = collections.Counter()

    def living(self):
        """By name: those of the namespace that the API server has."""
        return {pod["metadata"]["name"]: pod for pod in self.pods.latest().values() if pod["metadata"]["namespace"] == self.namespace}

    def manifest(self, name):
        npus = self.random.choice([(1,), (2,), (3,), (4,), (1, 1), (1, 3), (2, 2)])
        pod = npu_pod(name, self.namespace, npus, self.random.choice((*NODES, None)))
        kind = self.random.choice(("stays", "stays", "stays", "ends slowly", "finishes"))
        if kind == "ends slowly":
            pod["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": self.random.choice((1, 2))}}}
        if kind == "finishes":
            pod["spec"]["restartPolicy"] = "Never"
            for container in pod["spec"]["containers"]:
                container["args"] = ["--exit", "done"]
        self.done[kind] += 1
        return pod

    def create(self, names):
        pods = {"apiVersion": "v1", "kind": "List", "items": [self.manifest(name) for name in names]}
        self.system.kubectl("create", "-f", "-", stdin=json.dumps(pods))
        self.done["created"] += len(names)
        self.pods.wait_until(lambda: set(names) <= set(self.living()), 20, f"{names} are there")

    def delete(self, names, *how):
        if names:
            # One that ended meanwhile is gone as well.
            self.system.kubectl("delete", "pod", "-n", self.namespace, "--wait=false", "--ignore-not-found", *how, *names)
            self.done["deleted"] += len(names)

    def force(self, names):
        self.delete(names, "--grace-period=0", "--force")
        self.done["by force"] += len(names)
        self.pods.wait_until(lambda: not set(names) & set(self.living()), 20, f"{names} are gone")

    def step(self):
        free = [name for name in NAMES if name not in self.living()]
        count = min(self.random.randint(1, 4), len(free), CREATIONS - self.done["created"])
        if count:
            self.create(self.random.sample(free, count))
        victims = self.victims()
        self.random.choice((self.delete, self.delete, self.force, self.replace))(victims)

    def replace(self, names):
        """Pods of the same names while kubelet still ends those before."""
        self.force(names)
        names = names[:CREATIONS - self.done["created"]]
        if names:
            self.create(names)
            self.done["replaced"] += len(names)

    def victims(self):
        """Some that kubelet has begun with, for which it is given time; now and then one that waits for NPUs."""
        def begun():
            return [name for name, pod in self.living().items() if "deletionTimestamp" not in pod["metadata"]
                    and (pod["status"]["phase"] != "Pending" or self.random.random() < 0.05)]
        names = self.pods.wait_until(begun, 60, "a pod runs")
        return self.random.sample(sorted(names), min(len(names), self.random.randint(1, 4)))


def uids_and_devices(containers_by_uid):
    return {uid: sorted(number for ids in containers.values() for number in ids) for uid, containers in containers_by_uid.items()}


def in_annotation(nodes, node):
    """By UID, what the Node says now."""
    said = next((change.annotation("npu-allocations") for change in reversed(nodes.changes) if change.name == node), None)
    return {entry["uid"]: entry["devices"] for entry in said["pods"]} if said else {}


def wait_equal(said, true, timeout, what):
    """What the agent says may still have to follow; and containers start and end by themselves."""
    deadline = time.monotonic() + patience(timeout)
    while said() != true():
        assert time.monotonic() < deadline, f"{what}: the annotation says {said()}, and it is {true()}"
        time.sleep(0.05)


def versions_of(nodes):
    """Every version of the annotations, as (node, content)."""
    versions, last = [], {}
    for change in nodes.changes:
        said = change.annotation("npu-allocations")
        if said and said != last.get(change.name):
            last[change.name] = said
            versions.append((change.name, said))
    return versions


def delays(nodes, holdings):
    """Of each pod, the seconds from kubelet's last write about it to the first version that says the same."""
    first = {}
    for change in nodes.changes:
        for entry in (change.annotation("npu-allocations") or {"pods": ()})["pods"]:
            first.setdefault((entry["uid"], tuple(entry["devices"])), change.moment)
    told = {uid: first.get((uid, tuple(holding.devices))) for uid, holding in holdings.items()}
    return sorted(moment - holdings[uid].written for uid, moment in told.items() if moment)


def print_account(churn, nodes, given, seconds):
    own = {change.uid for change in churn.pods.changes if change.object["metadata"]["namespace"] == churn.namespace}
    holdings = {uid: holding for uid, holding in given.holdings.items() if uid in own}
    late = delays(nodes, holdings)
    spread = max(holding.written - holding.first_written for holding in holdings.values())
    print(f"seed {SEED}, {seconds:.0f} s: {dict(churn.done)}; kubelet gave NPUs to {len(holdings)} pods, "
          f"{len(own & given.started.keys())} of them were seen as containers; {len(versions_of(nodes))} versions told of "
          f"{len(late)} pods; from checkpoint to Node: median {statistics.median(late) * 1000:.0f} ms, worst {late[-1] * 1000:.0f} ms; "
          f"from the first write about a pod to the last: worst {spread * 1000:.0f} ms")


@pytest.fixture
def watched(system):
    with ApiWatch(system, "/api/v1/pods") as pods, GivenDevices(system, NODES) as given:
        # Of pods that earlier tests have deleted we would not know the names.
        with ApiWatch(system, "/api/v1/nodes") as nodes:
            nodes.wait_until(lambda: all(in_annotation(nodes, node).keys() <= pods.latest().keys() for node in NODES), 60,
                             "only pods that there are hold NPUs")
        with ApiWatch(system, "/api/v1/nodes") as nodes:
            yield nodes, pods, given


def test_200_random_pods(system, namespace, watched):
    nodes, pods, given = watched
    print(f"seed {SEED}")
    churn, began = Churn(system, namespace, pods, SEED), time.monotonic()
    while churn.done["created"] < CREATIONS:
        churn.step()
    for node in NODES:
        wait_equal(lambda node=node: in_annotation(nodes, node), lambda node=node: uids_and_devices(given.running(node)), 60,
                   f"after {CREATIONS} creations, {node}")
    left = [uid for node in NODES for uid in in_annotation(nodes, node)]
    churn.delete(list(churn.living()))
    pods.wait_until(lambda: not churn.living(), 60, "all pods have ended")
    for node in NODES:
        wait_equal(lambda node=node: in_annotation(nodes, node), lambda node=node: uids_and_devices(given.running(node)), 60,
                   f"at the end, {node}")
        assert not set(left) & set(in_annotation(nodes, node))
    versions = versions_of(nodes)
    print_account(churn, nodes, given, time.monotonic() - began)
    names = {change.uid: (change.object["metadata"]["namespace"], change.name) for change in pods.changes}
    devices = {uid: (holding.node, holding.devices) for uid, holding in given.holdings.items()}
    wrong = wrong_attributions(versions, names, devices)
    assert not wrong, "\n".join(wrong)
    assert given.problems == []
    # The two witnesses agree about every container that started.
    assert [uid for uid, containers in list(given.started.items()) if not containers.items() <= given.of(uid).items()] == []
    assert left and len(given.started) > CREATIONS / 3, "the pods did run"


# The comparison itself: what it must find.

PODS = {"a1": ("llm", "a"), "a2": ("llm", "a"), "b1": ("llm", "b")}
GIVEN = {"a1": ("real-0", [0, 1]), "a2": ("real-0", [2]), "b1": ("real-1", [0])}


def version(node, *entries):
    return node, {"pods": [{"namespace": "llm", "name": name, "uid": uid, "devices": devices} for name, uid, devices in entries]}


def test_a_true_history_is_not_found_wrong():
    history = [version("real-0"), version("real-0", ("a", "a1", [0, 1])), version("real-0", ("a", "a1", [0, 1]), ("a", "a2", [2])),
               version("real-1", ("b", "b1", [0])), version("real-0", ("a", "a2", [2]))]
    assert wrong_attributions(history, PODS, GIVEN) == []


@pytest.mark.parametrize("made_up, said", [
    (version("real-0", ("b", "a1", [0, 1])), "that UID is of ('llm', 'a')"),
    (version("real-0", ("a", "a3", [2])), "that UID is of None"),
    (version("real-0", ("a", "a1", [0])), "kubelet gave it ('real-0', [0, 1])"),
    (version("real-0", ("a", "a1", [0, 1, 2])), "kubelet gave it ('real-0', [0, 1])"),
    (version("real-1", ("a", "a1", [0, 1])), "kubelet gave it ('real-0', [0, 1])"),
    (version("real-0", ("a", "a1", [2]), ("a", "a2", [0, 1])), "kubelet gave it ('real-0', [2])"),
    (version("real-0", ("a", "a1", [0, 1]), ("a", "a2", [1])), "['a1', 'a2'] all hold 1"),
])
def test_a_wrong_version_is_found(made_up, said):
    history = [version("real-0", ("a", "a1", [0, 1])), made_up, version("real-0", ("a", "a2", [2]))]
    wrong = wrong_attributions(history, PODS, GIVEN)
    assert any(said in line for line in wrong), wrong
    assert wrong_attributions([history[0], history[2]], PODS, GIVEN) == []
