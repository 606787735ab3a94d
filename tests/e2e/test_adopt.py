"""Adopt mode on real kubelets: pods that workloads make wait at their gates, are listed, pass, and see what becomes of the others."""
import json
import subprocess

import pytest
from live_cluster import PROGRAMS
from manifests import pddeployment


@pytest.fixture
def adopting(system, namespace, tmp_path):
    """Answers a function that makes a workload for the prefill role of a PDDeployment that adopts it: two instances of one NPU."""
    deployment = pddeployment("qwen", namespace, prefill=2, npus=1)
    prefill = deployment["spec"]["prefill"]
    template = prefill.pop("template")
    prefill["adopt"] = {}
    system.apply(deployment)
    manifest = tmp_path / "pdd.json"
    manifest.write_text(json.dumps(deployment), encoding="utf-8")

    def make(kind, **spec):
        pods = json.loads(json.dumps(template))
        pods["metadata"] = {"labels": {"app": "prefill"}}
        pods["spec"]["containers"][0]["resources"]["limits"]["huawei.com/Ascend910"] = 1
        workload = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "prefill", "namespace": namespace}, "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "prefill"}}, "template": pods}}
        if kind == "StatefulSet":
            workload["spec"]["serviceName"] = "prefill"
        told = subprocess.run([PROGRAMS / "pdctl", "inject", "-f", "-", "--role", "prefill", "--pdd", manifest, "-o", "json"],
                              input=json.dumps(workload), capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        injected = json.loads(told.stdout)
        injected["spec"].update(spec)
        system.apply(injected)

    yield make
    system.kubectl("delete", "deployments,statefulsets", "--all", "-n", namespace, "--wait=false")


def condition(system, namespace, kind):
    conditions = system.get("pdd", "qwen", "-n", namespace).get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == kind), {"reason": "", "message": ""})


def check_tables(system, namespace):
    """What the pods see is what is there, by kubelet's own word; each adopted pod has its own table."""
    pods = {pod["status"]["podIP"]: pod for pod in system.pods("qwen", "prefill", namespace)}
    decode = system.one_pod("qwen", "decode", namespace)
    table = system.read_in_pod(decode, "global_ranktable.json")
    servers = json.loads(table)["server_group_list"][1]["server_list"]
    assert sorted(server["server_ip"] for server in servers) == sorted(pods)
    for server in servers:
        pod = pods[server["server_ip"]]
        assert [int(device["device_id"]) for device in server["device"]] == system.allocated(pod)
        assert system.read_in_pod(pod, "global_ranktable.json") == table
        own = system.table(pod, f"local_ranktable_{pod['metadata']['name']}.json")
        assert [one["server_ip"] for one in own["server_list"]] == [server["server_ip"]]
    assert [status["restartCount"] for status in decode["status"]["containerStatuses"]] == [0]


def test_a_parallel_stateful_set(system, namespace, adopting):
    adopting("StatefulSet")
    system.wait_ready("qwen", namespace)
    system.kubectl("wait", "--for=condition=RanktableDelivered", "pdd/qwen", "-n", namespace, "--timeout=30s")
    check_tables(system, namespace)
    decode = system.one_pod("qwen", "decode", namespace)
    generation = int(system.read_in_pod(decode, "generation"))
    places = system.get("pdd", "qwen", "-n", namespace)["status"]["adopted"]
    system.kubectl("delete", "pod", "prefill-0", "-n", namespace)
    system.wait_generation(decode, generation + 1)
    system.wait_ready("qwen", namespace)
    check_tables(system, namespace)
    assert system.get("pdd", "qwen", "-n", namespace)["status"]["adopted"] == places
    assert system.one_pod("qwen", "decode", namespace)["metadata"]["uid"] == decode["metadata"]["uid"]


def test_a_default_deployment_completes_a_rollout(system, namespace, adopting):
    adopting("Deployment")
    system.wait_ready("qwen", namespace)
    before = {pod["metadata"]["uid"] for pod in system.pods("qwen", "prefill", namespace)}
    system.kubectl("set", "env", "deployment/prefill", "-n", namespace, "-c", "engine", "VERSION=2")
    system.kubectl("rollout", "status", "deployment/prefill", "-n", namespace, "--timeout=120s")
    system.until("pods", lambda pods: len([pod for pod in pods if pod["metadata"]["labels"]["pd-operator.io/role"] == "prefill"]) == 2,
                 "-n", namespace, what="the old pods are gone")
    system.until("configmaps", lambda maps: any(
        len(json.loads(one["data"]["global_ranktable.json"])["server_group_list"][1]["server_list"]) == 2 for one in maps
        if one["metadata"]["name"] == "qwen-ranktable"), "-n", namespace, what="a table of the new pods alone")
    system.wait_ready("qwen", namespace)
    system.kubectl("wait", "--for=condition=RanktableDelivered", "pdd/qwen", "-n", namespace, "--timeout=30s")
    assert not before & {pod["metadata"]["uid"] for pod in system.pods("qwen", "prefill", namespace)}
    check_tables(system, namespace)


def test_an_ordered_stateful_set_is_named(system, namespace, adopting):
    adopting("StatefulSet", podManagementPolicy="OrderedReady")
    system.until("pdd", lambda _: condition(system, namespace, "DevicesDiscovered")["reason"] == "PodsMissing", "-n", namespace,
                 what="the StatefulSet is named")
    assert condition(system, namespace, "DevicesDiscovered")["message"] == (
        "Pod prefill-0 waits at its gate for a table, while prefill has 1 of 2 pods: StatefulSet prefill needs podManagementPolicy: "
        "Parallel (create it anew with that, unless it has it), and 2 pods.")
    assert [pod["metadata"]["name"] for pod in system.pods("qwen", "prefill", namespace)] == ["prefill-0"]
