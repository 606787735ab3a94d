"""One PDDeployment through the changes of its life, one prefill and one decode instance unless told otherwise.

    life.begin()
    with life.replaces("prefill"):
        life.delete("prefill")

At its end each such block waits until all is well again, lets the independent checker compare what every pod sees, and looks
whether those that need not be disturbed were left alone: the same pods, with no restart.
"""
import contextlib
import json
import time

from manifests import pddeployment
from ranktable_checker import RanktableChecker

NAME = "qwen"
ROLES = ("scheduler", "prefill", "decode")
LABEL = "pd-operator.io/"


def slot(pod):
    labels = pod["metadata"]["labels"]
    return labels[LABEL + "role"], int(labels[LABEL + "instance"])


def restarts(pod):
    return sum(status["restartCount"] for kind in ("containerStatuses", "initContainerStatuses") for status in pod["status"].get(kind, ()))


def is_ready(pod):
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in pod["status"].get("conditions", ()))


def on_node(node):
    return {"nodeSelector": {"kubernetes.io/hostname": node}}


def rather_on_node(node):
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    return {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": term}]}}}


class Life:
    def __init__(self, system, namespace, timeout):
        self.system, self.namespace, self.timeout = system, namespace, timeout
        self.checker = RanktableChecker(system)
        self.manifest = pddeployment(NAME, namespace)
        # What may move is on one node, its peers are on the other.
        self.pod_spec("prefill", **rather_on_node("real-0"))
        for role in ("scheduler", "decode"):
            self.pod_spec(role, **on_node("real-1"))

    # What is wanted.

    def pod_spec(self, *roles, **changes):
        """Changes the pod template of roles (the manifest's YAML shares one)."""
        for role in roles:
            template = json.loads(json.dumps(self.manifest["spec"][role]["template"]))
            template["spec"].update(changes)
            self.manifest["spec"][role]["template"] = template

    def environment(self, role, **variables):
        self.pod_spec(role)
        container = self.manifest["spec"][role]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": name, "value": value} for name, value in variables.items()]

    def slow_to_end(self, role):
        """So that a pod's successor comes while it still holds its NPUs, and gets others."""
        self.pod_spec(role, terminationGracePeriodSeconds=20)
        container = self.manifest["spec"][role]["template"]["spec"]["containers"][0]
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": 6}}}

    def scale(self, **instances):
        for role, number in instances.items():
            self.manifest["spec"][role]["instances"] = number

    def apply(self):
        self.system.apply(self.manifest)

    def begin(self):
        self.apply()
        self.settle({})
        self.checker.check(NAME, self.namespace)

    # What there is.

    def pods(self):
        return {slot(pod): pod for pod in self.system.pods(NAME, namespace=self.namespace)}

    def pod(self, role, instance=0):
        return self.pods()[role, instance]

    def generation(self):
        return self.system.generation(NAME, self.namespace)

    def wanted_slots(self):
        counts = {role: 1 if role == "scheduler" else self.manifest["spec"][role]["instances"] for role in ROLES}
        return {(role, instance) for role, count in counts.items() for instance in range(count)}

    def delete(self, role, instance=0):
        self.system.kubectl("delete", "pod", self.pod(role, instance)["metadata"]["name"], "-n", self.namespace, "--wait=false")

    # Changes.

    @contextlib.contextmanager
    def replaces(self, *roles, table="new", restarted=()):
        """The change in this block gives the pods of these roles successors. `table`: a new generation, or the same."""
        before, generation = self.pods(), self.generation()
        yield before
        gone = {place: pod["metadata"]["uid"] for place, pod in before.items() if place[0] in roles}
        self.settle(gone, generation + 1 if table == "new" else generation)
        seen = self.checker.check(NAME, self.namespace)
        assert (seen > generation) == (table == "new"), f"generation {seen} after {generation}"
        self.check_peers(before, roles, restarted)

    def settle(self, gone, generation=0):
        """Until all is well, with pods that are not those."""
        deadline = time.monotonic() + self.timeout
        self.system.until("pods", lambda _: self.has_pods(gone), "-n", self.namespace, timeout=self.timeout, what="the pods that are wanted")
        self.system.until("configmaps", lambda _: self.generation() >= generation, "-n", self.namespace, timeout=self.timeout,
                          what=f"generation {generation}")
        self.system.wait_settled(NAME, self.namespace, timeout=max(1.0, deadline - time.monotonic()))

    def has_pods(self, gone):
        pods = self.pods()
        return pods.keys() == self.wanted_slots() and all(is_ready(pod) and pod["metadata"]["uid"] != gone.get(place)
                                                          for place, pod in pods.items())

    def check_peers(self, before, roles, restarted):
        for place, pod in self.pods().items():
            if place in before and place[0] not in roles:
                assert pod["metadata"]["uid"] == before[place]["metadata"]["uid"], f"{place} was replaced"
            if place[0] not in restarted:
                assert restarts(pod) == 0, f"{pod['metadata']['name']} was restarted"
