"""What the operator needs in a large cluster: a real API server, and nodes and pods that are objects only. First one deployment
of 128 instances with 8 NPUs each, placed at once; then 100 deployments with 10,000 pods on 1,000 nodes, in which one pod at a
time is lost and comes back. Prints one JSON line per number.

    scale.py [NODES [PODS [DEPLOYMENTS]]]
"""
import sys
import time

import chart
from api_client import ApiClient, enter_network, in_parallel
from audit import AuditLog
from bench_line import say
from live_cluster import PROGRAMS, SCRIPT, LiveCluster
from made_up_nodes import MadeUpNodes, Sidecars
from manifests import pddeployment
from process import Process

NAMESPACE = "default"
DEPLOYMENTS = f"/apis/pd-operator.io/v1alpha1/namespaces/{NAMESPACE}/pddeployments"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
OPERATOR = "pd-operator"
NPUS_PER_NODE = 16
INSTANCES, NPUS = 128, 8  # of the deployment that is placed at once
ROUNDS = 3
RESCHEDULES = 60
LONG = 600  # seconds that anything may take


def until(holds, what, pause=0.1):
    deadline = time.monotonic() + LONG
    while True:
        answer = holds()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {LONG} s: {what}")
        time.sleep(pause)


def condition(deployment, kind):
    return next((c["status"] for c in deployment.get("status", {}).get("conditions", ()) if c["type"] == kind), None)


class Bench:
    def __init__(self, cluster, sidecars, nodes):
        self.api = ApiClient(cluster.environment()["KUBECONFIG"])
        self.audit = AuditLog(cluster)
        self.nodes = MadeUpNodes(self.api, sidecars, NAMESPACE, nodes, NPUS_PER_NODE)
        self.nodes.create()
        process = cluster.start_process(
            OPERATOR, SCRIPT, "exec", "--name", cluster.name, "--", PROGRAMS / "pd-operator", "--kubeconfig",
            cluster.kubeconfig(OPERATOR), "--gate-image", "localhost/none", "--leader-elect=false", "--metrics-address", "off")
        self.operator = Process(process.pid)

    def pods_of(self, name):
        return self.api.get(f"{PODS}?labelSelector=pd-operator.io/deployment={name}")["items"]

    def deployment(self, name):
        return self.api.get(f"{DEPLOYMENTS}/{name}")

    def generation(self, name):
        return int(self.api.get(f"{CONFIG_MAPS}/{name}-ranktable")["data"]["generation"])

    def wait_delivered(self, *names):
        for name in names:
            until(lambda name=name: {condition(self.deployment(name), kind) for kind in ("Ready", "RanktableDelivered")} == {"True"},
                  f"{name} is Ready, and its table delivered")

    def wait_idle(self):
        """The operator has had nothing to do for a second."""
        while True:
            before = self.operator.thread_cpu_ms()
            time.sleep(1)
            if self.operator.thread_cpu_ms() - before < 1:
                return

    # All pods of one deployment at once.

    def at_once(self, number):
        """Answers the operator's CPU time until the table is there, until all is said, and its writes of ConfigMap and status."""
        name = f"large-{number}"
        self.api.create(DEPLOYMENTS, pddeployment(name, NAMESPACE, INSTANCES // 2, INSTANCES // 2, NPUS))
        pods = until(lambda: self.complete(name, INSTANCES + 1), "all pods were made")
        self.wait_idle()
        generation, began, before = self.generation(name), time.time(), self.operator.thread_cpu_ms()
        self.nodes.place(pods, self.nodes.nodes[:INSTANCES + 1])
        until(lambda: self.generation(name) > generation, "a table", pause=0.01)
        with_table = self.operator.thread_cpu_ms() - before
        self.wait_delivered(name)
        self.wait_idle()
        writes = self.audit.writes(OPERATOR, since=began)
        assert condition(self.deployment(name), "RanktableReady") == "True"
        self.remove(name)
        return (with_table, self.operator.thread_cpu_ms() - before, count(writes, "configmaps"), count(writes, "pddeployments/status"))

    def complete(self, name, number):
        pods = self.pods_of(name)
        return pods if len(pods) == number else None

    def remove(self, name):
        """With all that is its own: there is no garbage collector."""
        self.api.delete_now(f"{DEPLOYMENTS}/{name}")
        pods = self.pods_of(name)
        in_parallel(lambda pod: self.api.delete_now(f"{PODS}/{pod['metadata']['name']}"), pods)
        self.api.delete_now(f"{CONFIG_MAPS}/{name}-ranktable")
        nodes = [self.nodes.node_of(pod) for pod in pods if pod["metadata"]["labels"]["pd-operator.io/role"] != "scheduler"]
        for node in nodes:
            node.holders.clear()
        in_parallel(self.nodes.annotate, nodes)
        self.wait_idle()

    # Many deployments.

    def fill(self, pods, deployments):
        """The same number of pods with one NPU in each; answers their names."""
        names = [f"d{number}" for number in range(deployments)]
        instances = pods // deployments - 1
        began, before = time.monotonic(), self.operator.thread_cpu_ms()
        in_parallel(lambda name: self.api.create(DEPLOYMENTS, pddeployment(name, NAMESPACE, instances // 3, instances - instances // 3, 1)),
                    names)
        made = until(lambda: self.all_made(names, instances + 1), "all pods were made", pause=1)
        self.nodes.place(made)
        self.wait_delivered(*names)
        seconds, cpu = time.monotonic() - began, (self.operator.thread_cpu_ms() - before) / 1000
        say("scale.fill", "s", [seconds], pods=len(made), operator_cpu_seconds=round(cpu, 1))
        self.wait_idle()
        return names

    def all_made(self, names, each):
        status = [one.get("status", {}) for one in self.api.get(DEPLOYMENTS)["items"]]
        if any(sum(one.get(role, {}).get("instances", 0) for role in ("scheduler", "prefill", "decode")) < each for one in status):
            return None
        return [pod for name in names for pod in self.pods_of(name)]

    def reschedule(self, name, instance):
        """A decode pod is lost. Answers the milliseconds from the later of its successor's NPUs and address to the ConfigMap, both
        as the API server's log has them."""
        place = f"{PODS}?labelSelector=pd-operator.io/deployment={name},pd-operator.io/role=decode,pd-operator.io/instance={instance}"
        (lost,) = self.api.get(place)["items"]
        generation, node = self.generation(name), self.nodes.node_of(lost)
        self.api.delete_now(f"{PODS}/{lost['metadata']['name']}")
        (successor,) = until(lambda: self.api.get(place)["items"], "a successor", pause=0.02)
        self.nodes.replace(node, lost, successor)
        until(lambda: self.generation(name) > generation, "a new table")
        until(lambda: self.deployment(name)["status"]["ranktable"]["generation"] > generation, "the status tells")
        self.wait_delivered(name)
        entries = self.audit.read()
        said = last(entries, "pods/status", successor["metadata"]["name"])
        return (last(entries, "configmaps", f"{name}-ranktable", user=OPERATOR).answered - said.answered) * 1000


def last(entries, resource, name, user=None):
    """The last write of an object."""
    return next(entry for entry in reversed(entries) if entry.is_write and entry.resource == resource and entry.name == name
                and user in (None, entry.user))


def count(writes, resource):
    return sum(1 for entry in writes if entry.resource == resource and entry.succeeded)


def bench_at_once(bench):
    rounds = [bench.at_once(number) for number in range(ROUNDS)]
    until_table, until_settled, config_maps, status = zip(*rounds)
    what = {"instances": INSTANCES, "npus_each": NPUS}
    say("scale.at_once_cpu", "ms", until_table, target="<= 60", **what)
    say("scale.at_once_cpu_until_delivered", "ms", until_settled, **what)
    say("scale.at_once_config_maps", "writes", config_maps, target="<= 5", **what)
    say("scale.at_once_status", "writes", status, **what)


def main(nodes=1000, pods=10000, deployments=100):
    with LiveCluster("bench", "--nodes", "0") as cluster:
        cluster.apply(chart.CRD)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", chart.CRD)
        cluster.apply(chart.roles())
        # They would declare the nodes dead, which have no kubelet, and look for others for the pods.
        cluster.kill_process("kube-controller-manager")
        cluster.kill_process("kube-scheduler")
        enter_network(cluster)
        with Sidecars(cluster) as sidecars:
            bench = Bench(cluster, sidecars, nodes)
            bench_at_once(bench)
            names = bench.fill(pods, deployments)
            size = {"pods": pods, "nodes": nodes, "deployments": deployments}
            for field in ("VmRSS", "RssAnon"):
                say(f"scale.{field}", "MB", [bench.operator.memory(field)], **size, **({"target": "<= 30"} if field == "VmRSS" else {}))
            took = [bench.reschedule(names[number % len(names)], number // len(names)) for number in range(RESCHEDULES)]
            say("scale.reschedule", "ms", took, target="<= 5", **size)
            say("scale.rss_after", "MB", [bench.operator.memory("VmRSS")], **size)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
