"""Two operators on the real API server: one leads, the other takes over, and never do both write.

PD_ELECTION_PAUSES=20 pauses the leader twenty times, with the default timing; else it is done twice, with a quicker one where
the programs are quick."""
import collections
import itertools
import json
import os
import signal
import statistics
import threading
import time

import chart
import pytest
from audit import AuditLog
from live_cluster import PRESET, PROGRAMS, SCRIPT, check_status, patience, wait_for
from manifests import pddeployment

PAUSES = int(os.environ.get("PD_ELECTION_PAUSES", "0"))
LEASE, RENEW, RETRY = (6, 4, 1) if PRESET == "release" and not PAUSES else (15, 10, 2)  # seconds
DEPLOYMENTS = ("one", "two", "three")
NAMESPACE = "election"
# What makes the operator know the resource that its pods have to ask for; no kubelet is behind it.
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "no-kubelet", "annotations": {
    "pd-operator.io/npu-inventory": json.dumps({"v": 1, "source": "file", "resource": "huawei.com/Ascend910", "probed":
                                                "2026-11-24T06:34:56Z", "devices": [{"id": 0, "ip": "29.81.18.100", "link": "up"}]})}}}
starts = itertools.count(1)


class Operator:
    """One of the two. Each start has a log of its own; the audit log knows it by its user."""

    def __init__(self, cluster, user):
        self.cluster = cluster
        self.user = user
        self.kubeconfig = cluster.kubeconfig(user, "pd-operators")
        self.name = None
        self.process = None
        self.started = 0.0

    def start(self):
        self.started = time.time()
        self.name = f"{self.user}.{next(starts)}"
        self.process = self.cluster.start_process(
            self.name, SCRIPT, "exec", "--name", self.cluster.name, "--", PROGRAMS / "pd-operator", "--kubeconfig", self.kubeconfig,
            "--namespace", NAMESPACE, "--gate-image", "localhost/none", "--metrics-address", "off", "--leader-elect-lease-duration", f"{LEASE}s",
            "--leader-elect-renew-deadline", f"{RENEW}s", "--leader-elect-retry-period", f"{RETRY}s")

    def lines(self, message):
        """What it has logged with these words."""
        logged = [line for line in self.cluster.log(self.name).splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, logged) if line["msg"] == message]

    def says(self, message, timeout=30):
        return wait_for(lambda: self.lines(message), timeout, lambda: f'"{message}" in\n{self.cluster.log(self.name)}')

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: self.state() == "T", 5, "stopped")
        return time.time()

    def state(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def wait(self, timeout=20):
        """Its exit code."""
        status = self.process.wait(timeout=patience(timeout))
        del self.cluster.processes[self.name]
        return check_status(self.name, status, self.cluster.log(self.name))


class Churn:
    """Changes the deployments all along, so that there is always something to write: pods, status, ConfigMaps."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.over = threading.Event()
        self.changes = 0
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        assert self.changes > 0

    def run(self):
        for number in itertools.count():
            # The pace of the load; nothing waits for it.
            if self.over.wait(0.2):
                return
            name = DEPLOYMENTS[number % len(DEPLOYMENTS)]
            if number % 8 == 3:
                self.kubectl("delete", "configmap", f"{name}-ranktable", "--ignore-not-found", "--wait=false")
            elif number % 4 == 3:
                self.kubectl("patch", "configmap", f"{name}-ranktable", "--type=merge", "-p", '{"data": {"global_ranktable.json": "?"}}')
            else:
                patch = {"spec": {"prefill": {"instances": 1 + number % 3}, "decode": {"instances": 1 + number % 4}}}
                self.kubectl("patch", "pdd", name, "--type=merge", "-p", json.dumps(patch))
            self.changes += 1

    def kubectl(self, *arguments):
        """What was to be changed may just have been deleted."""
        self.cluster.kubectl(*arguments, "-n", NAMESPACE, "--request-timeout=20s", check=False)


@pytest.fixture(scope="module")
def audit(cluster):
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.apply(chart.roles())
    cluster.apply(NODE)
    for name in DEPLOYMENTS:
        cluster.apply(pddeployment(name, NAMESPACE))
    return AuditLog(cluster)


@pytest.fixture
def pair(cluster, audit):
    """The leader and the standby."""
    first, second = Operator(cluster, "operator-a"), Operator(cluster, "operator-b")
    first.start()
    first.says("Leading", timeout=LEASE + 15)
    second.start()
    second.says("Another process leads")
    wait_for(lambda: audit.writes(first.user, since=first.started), 30, "the leader writes")
    yield first, second
    for operator in (first, second):
        if operator.name in cluster.processes:
            operator.go_on()
            cluster.stop_process(operator.name)


def lease_holder(cluster):
    return cluster.get("lease", "pd-operator", "-n", "default")["spec"].get("holderIdentity", "")


def first_success(audit, user, since, resource=None):
    found = [entry for entry in audit.writes(user, since) if entry.succeeded and resource in (None, entry.resource)]
    return min(found, key=lambda entry: entry.answered, default=None)


def count(audit, operator, verb):
    """How often it has done that to the lease since it was started."""
    return sum(1 for entry in audit.read() if (entry.user, entry.verb, entry.resource) == (operator.user, verb, "leases")
               and entry.received > operator.started)


def wait_for_next(audit, operator, verb):
    before = count(audit, operator, verb)
    wait_for(lambda: count(audit, operator, verb) > before, 3 * RETRY + 15, f"{verb} of the lease by {operator.user}")


def pause_once(audit, leader, standby, fresh):
    """Answers the time to take over, what the leader wrote too late, and how many writes it kept back. `fresh`: the standby has
    not seen its last renewal yet, so it takes over later."""
    wait_for_next(audit, standby, "get")
    if fresh:
        wait_for_next(audit, leader, "update")
    now = time.time()
    wait_for(lambda: [entry for entry in audit.writes(leader.user, now) if entry.resource != "leases"], 30,
             "the leader is in the middle of its work")
    paused = leader.pause()
    taken = wait_for(lambda: first_success(audit, standby.user, paused, "leases"), LEASE + 15, "the standby takes the lease")
    # The successor has written objects, too, when the old leader wakes in the middle of what it did.
    wait_for(lambda: [entry for entry in audit.writes(standby.user, taken.answered) if entry.resource != "leases"], 30,
             "the successor writes")
    woken = time.time()
    leader.go_on()
    status = leader.wait()
    assert status == 1, leader.cluster.log(leader.name)
    assert leader.lines("Leader election lost"), leader.cluster.log(leader.name)
    return {"takeover": taken.answered - paused, "late": audit.writes(leader.user, taken.answered),
            "refused": len(leader.lines("Refused a write: this process does not lead")), "ended": time.time() - woken}


def wait_settled(cluster):
    """The pods are those that were asked for, each once: what a former leader made too late is gone."""

    def settled():
        for name in DEPLOYMENTS:
            spec = cluster.get("pdd", name, "-n", NAMESPACE)["spec"]
            pods = cluster.get("pods", "-n", NAMESPACE, "-l", f"pd-operator.io/deployment={name}")["items"]
            wanted = 1 + spec["prefill"]["instances"] + spec["decode"]["instances"]
            if len([pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]) != wanted:
                return False
            table = cluster.kubectl("get", "configmap", f"{name}-ranktable", "-n", NAMESPACE, "--ignore-not-found", "-o", "name")
            if not table.stdout:
                return False
        return True

    wait_for(settled, 60, lambda: cluster.kubectl("get", "pdd,pods", "-n", NAMESPACE).stdout)


def test_a_paused_leader_writes_nothing_more(cluster, audit, pair, record_property):
    leader, standby = pair
    rounds = []
    begun = time.time()
    with Churn(cluster) as churn:
        for number in range(PAUSES or 2):
            rounds.append(pause_once(audit, leader, standby, fresh=number % 2 == 1))
            print({**rounds[-1], "changes": churn.changes}, flush=True)
            leader.start()
            leader.says("Another process leads")
            leader, standby = standby, leader
    wait_settled(cluster)
    times = sorted(each["takeover"] for each in rounds)
    late = [entry for each in rounds for entry in each["late"]]
    succeeded = [entry for entry in late if entry.succeeded]
    kinds = collections.Counter(f"{entry.verb} {entry.resource}" for user in (leader.user, standby.user)
                                for entry in audit.writes(user, begun) if entry.succeeded)
    figures = {"pauses": len(rounds), "changes": churn.changes, "lease": LEASE, "takeover_min": round(times[0], 2),
               "takeover_median": round(statistics.median(times), 2), "takeover_max": round(times[-1], 2),
               "late_writes_seen": len(late), "late_writes_succeeded": len(succeeded),
               "writes_refused_by_the_fence": sum(each["refused"] for each in rounds),
               "longest_from_waking_to_exit": round(max(each["ended"] for each in rounds), 2), "writes": kinds}
    record_property("figures", json.dumps(figures))
    print(json.dumps(figures), flush=True)
    assert [entry for entry in succeeded if (entry.verb, entry.resource) != ("create", "pods")] == []
    assert times[-1] <= LEASE + 5


def test_a_leader_that_is_told_to_stop_hands_over(cluster, audit, pair):
    leader, standby = pair
    with Churn(cluster):
        stopped = time.time()
        leader.process.terminate()
        assert leader.wait(timeout=40) == 0, cluster.log(leader.name)
        taken = wait_for(lambda: first_success(audit, standby.user, stopped, "leases"), LEASE, "the standby takes the lease")
        standby.says("Leading")
        released = audit.writes(leader.user, stopped)[-1]
    assert (released.resource, released.verb, released.status) == ("leases", "update", 200)
    # Nobody waited for the lease to run out: an attempt comes within 2.2 retry periods.
    assert taken.answered - released.answered < 2.2 * RETRY + patience(1)
    assert [line["msg"] for line in map(json.loads, cluster.log(leader.name).splitlines()[-2:])] == ["Released the lease", "Stopped"]
    wait_settled(cluster)


def test_a_standby_stops_and_leaves_the_lease_alone(cluster, audit, pair):
    leader, standby = pair
    holder = lease_holder(cluster)
    standby.process.terminate()
    assert standby.wait() == 0
    assert lease_holder(cluster) == holder
    assert audit.writes(standby.user, standby.started) == [], "a standby writes nothing"
    assert leader.process.poll() is None
