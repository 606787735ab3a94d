"""Adopt mode on the real API server: the pods of a StatefulSet, of a Deployment, and pods with the labels of a LeaderWorkerSet.

The controllers of the first two are the real ones; there is no kubelet (tests/support/fake_kubelet.py does its work)."""
import itertools
import json

import chart
import pytest
from audit import AuditLog
from fake_kubelet import GENERATION, FakeKubelet, condition, is_ready
from live_cluster import PROGRAMS, SCRIPT

NAMESPACE = "adopt"
NODE = "adopt-node"
numbers = itertools.count()


@pytest.fixture(scope="module")
def kubelet(cluster):
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.apply(chart.roles())
    kubelet = FakeKubelet(cluster, NODE, NAMESPACE)
    cluster.start_process("adopting-operator", SCRIPT, "exec", "--name", cluster.name, "--", PROGRAMS / "pd-operator", "--kubeconfig",
                          cluster.kubeconfig("pd-operator"), "--namespace", NAMESPACE, "--metrics-address", "off", "--leader-elect=false")
    yield kubelet
    assert cluster.stop_process("adopting-operator") == 0, cluster.log("adopting-operator")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    cluster.kubectl("delete", "node", NODE)


@pytest.fixture
def name(kubelet):
    """Of a deployment whose scheduler is a pod by itself."""
    name = f"qwen-{next(numbers)}"
    kubelet.cluster.apply(pod(f"{name}-scheduler", name, "scheduler", npus=0))
    yield name
    kubelet.cluster.kubectl("delete", "pdd,deployments,statefulsets,pods", "--all", "-n", NAMESPACE, "--timeout=60s")


def pod_template(deployment, role, npus=1, labels=None):
    limits = {"huawei.com/Ascend910": str(npus)} if npus else {}
    return {"metadata": {"labels": {"app": f"{deployment}-{role}", "pd-operator.io/deployment": deployment, "pd-operator.io/role": role,
                                    **(labels or {})}},
            "spec": {"nodeName": NODE, "terminationGracePeriodSeconds": 0, "tolerations": [{"operator": "Exists"}],
                     "containers": [{"name": "engine", "image": "localhost/none", "resources": {"limits": limits}}]}}


def pod(name, deployment, role, npus=1, labels=None):
    template = pod_template(deployment, role, npus, labels)
    template["metadata"].update(name=name, namespace=NAMESPACE)
    return {"apiVersion": "v1", "kind": "Pod", **template}


def workload(kind, name, deployment, role, replicas, **spec):
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": f"{deployment}-{role}"}}, "template": pod_template(deployment, role),
        **({"serviceName": name} if kind == "StatefulSet" else {}), **spec}}


def adopting(name, prefill=2, decode=1, profile="AscendCloud", adopt=None, **prefill_spec):
    roles = {"prefill": {"instances": prefill, "npusPerPod": 1, "adopt": adopt or {}, **prefill_spec},
             "decode": {"instances": decode, "npusPerPod": 1, "adopt": {}}, "scheduler": {"adopt": {}}}
    return {"apiVersion": "pd-operator.io/v1alpha1", "kind": "PDDeployment", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"ranktable": {"profile": profile}, **roles}}


def status(cluster, name):
    return cluster.get("pdd", name, "-n", NAMESPACE).get("status", {})


def become_ready(kubelet, name):
    kubelet.until(lambda _: condition({"status": status(kubelet.cluster, name)}, "Ready")["status"] == "True", what=f"{name} is Ready")


def data(cluster, name):
    return cluster.get("configmap", f"{name}-ranktable", "-n", NAMESPACE)["data"]


def listed(cluster, name, group):
    """The addresses that the published table lists in a group."""
    table = json.loads(data(cluster, name)["global_ranktable.json"])
    return [server["server_ip"] for one in table["server_group_list"] if one["group_id"] == group for server in one["server_list"]]


def of_role(pods, deployment, role):
    return [pod for pod in pods if pod["metadata"]["labels"].get("pd-operator.io/role") == role
            and pod["metadata"]["labels"]["pd-operator.io/deployment"] == deployment]


def addresses(pods):
    return [pod["status"].get("podIP") for pod in pods]


def test_a_stateful_set_and_its_pods_are_left_as_they_are(kubelet, name):
    cluster = kubelet.cluster
    audit = AuditLog(cluster)
    audit.read()
    cluster.apply(adopting(name))
    cluster.apply(workload("StatefulSet", "prefill", name, "prefill", 2, podManagementPolicy="Parallel"))
    cluster.apply(pod(f"{name}-decode", name, "decode"))
    become_ready(kubelet, name)
    pods = of_role(kubelet.work(), name, "prefill")
    places = {entry["slot"]: entry["pod"] for entry in status(cluster, name)["adopted"]}
    in_order = [next(pod for pod in pods if pod["metadata"]["name"] == places[f"prefill-{index}-0"]) for index in (0, 1)]
    ages = [(pod["metadata"]["creationTimestamp"], pod["metadata"]["uid"]) for pod in in_order]
    assert ages == sorted(ages)
    assert listed(cluster, name, "1") == addresses(in_order)
    for one in pods:
        assert one["metadata"]["annotations"][GENERATION] == data(cluster, name)["generation"]
        assert "pd-operator.io/instance" not in one["metadata"]["labels"]
    events = cluster.get("events.events.k8s.io", "-n", NAMESPACE)["items"]
    assert {event["regarding"]["name"] for event in events if event["reason"] == "Adopted"} >= set(places.values())
    # One is deleted: the other keeps its place, and the successor of the same name gets its own back.
    cluster.kubectl("delete", "pod", places["prefill-0-0"], "-n", NAMESPACE)
    old = in_order[0]["metadata"]["uid"]
    kubelet.until(lambda pods: len(of_role(pods, name, "prefill")) == 2 and all(map(is_ready, pods))
                  and old not in [pod["metadata"]["uid"] for pod in pods], what="a successor that is Ready")
    become_ready(kubelet, name)
    assert {entry["slot"]: entry["pod"] for entry in status(cluster, name)["adopted"]} == places
    writes = {(entry.verb, entry.resource) for entry in audit.writes("pd-operator") if entry.namespace == NAMESPACE}
    assert {write for write in writes if write[1].startswith("pods")} == {("patch", "pods")}


def test_a_deployment_completes_a_rollout(kubelet, name):
    cluster = kubelet.cluster
    cluster.apply(adopting(name))
    cluster.apply(workload("Deployment", "prefill", name, "prefill", 2))
    cluster.apply(pod(f"{name}-decode", name, "decode"))
    become_ready(kubelet, name)
    before = {pod["metadata"]["uid"] for pod in of_role(kubelet.work(), name, "prefill")}
    decode = of_role(kubelet.work(), name, "decode")[0]["metadata"]["uid"]
    cluster.kubectl("set", "env", "deployment/prefill", "-n", NAMESPACE, "VERSION=2")

    def is_through(_):
        deployment = cluster.get("deployment", "prefill", "-n", NAMESPACE)
        told = deployment["status"]
        return (told.get("observedGeneration") == deployment["metadata"]["generation"] and told.get("updatedReplicas") == 2
                and told.get("replicas") == 2 and told.get("availableReplicas") == 2)

    kubelet.until(is_through, timeout=120, what="the rollout completes")
    become_ready(kubelet, name)
    pods = kubelet.work()
    after = of_role(pods, name, "prefill")
    assert len(after) == 2 and not before & {pod["metadata"]["uid"] for pod in after}
    kubelet.until(lambda _: sorted(listed(cluster, name, "1")) == sorted(addresses(after)), what="the table has the new pods alone")
    assert of_role(pods, name, "decode")[0]["metadata"]["uid"] == decode


def test_groups_of_a_leader_worker_set(kubelet, name):
    cluster = kubelet.cluster
    lws = "leaderworkerset.sigs.k8s.io"
    cluster.apply(adopting(name, profile="PerInstance", podsPerInstance=2, adopt={"instanceLabel": f"{lws}/group-index",
                                                                                  "podIndexLabel": f"{lws}/worker-index"}))
    cluster.apply(pod(f"{name}-decode", name, "decode"))

    def make(group, worker):
        suffix = f"{group}-{worker}" if worker else f"{group}"
        cluster.apply(pod(f"{name}-lws-{suffix}", name, "prefill", labels={
            f"{lws}/name": f"{name}-lws", f"{lws}/group-index": str(group), f"{lws}/worker-index": str(worker)}))

    for group, worker in ((1, 1), (1, 0), (0, 0)):
        make(group, worker)
    kubelet.until(lambda _: condition({"status": status(cluster, name)}, "DevicesDiscovered")["reason"] == "PodsMissing",
                  what="a worker is missing")
    assert condition({"status": status(cluster, name)}, "DevicesDiscovered")["message"].endswith(
        f"while prefill has 3 of 4 pods: LeaderWorkerSet {name}-lws needs startupPolicy: LeaderCreated, and 4 pods.")
    make(0, 1)
    become_ready(kubelet, name)
    assert status(cluster, name)["adopted"] == sorted(
        [{"slot": "decode-0-0", "pod": f"{name}-decode"}, {"slot": "scheduler-0-0", "pod": f"{name}-scheduler"},
         *({"slot": f"prefill-{group}-{worker}", "pod": f"{name}-lws-{group}" + (f"-{worker}" if worker else "")}
           for group in (0, 1) for worker in (0, 1))], key=lambda entry: entry["slot"])
    written = data(cluster, name)
    assert written[f"local_ranktable_{name}-lws-1.json"] == written[f"local_ranktable_{name}-lws-1-1.json"]
    assert written[f"instance_{name}-lws-1-1.env"].startswith("PD_INSTANCE=prefill-1\n")


def test_who_waits_for_ready_pods_is_named(kubelet, name):
    cluster = kubelet.cluster
    cluster.apply(adopting(name))
    cluster.apply(workload("StatefulSet", "ordered", name, "prefill", 2))
    cluster.apply(pod(f"{name}-decode", name, "decode"))
    kubelet.until(lambda _: condition({"status": status(cluster, name)}, "DevicesDiscovered")["reason"] == "PodsMissing",
                  what="the StatefulSet is named")
    assert condition({"status": status(cluster, name)}, "DevicesDiscovered")["message"] == (
        "Pod ordered-0 waits at its gate for a table, while prefill has 1 of 2 pods: StatefulSet ordered needs podManagementPolicy: "
        "Parallel (create it anew with that, unless it has it), and 2 pods.")
