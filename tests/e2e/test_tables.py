"""The tables in real pods: the seed's structure, kubelet's devices, the agents' addresses; and they follow the pods."""
import json

import pytest
from live_cluster import ROOT
from manifests import pddeployment

SAMPLES = ROOT / "tests" / "data" / "ranktable"


@pytest.fixture
def deployed(system, namespace):
    system.apply(pddeployment("qwen", namespace))
    system.wait_ready("qwen", namespace)
    return namespace


def sample(name):
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def device_address(node, device):
    """As the cluster wrote it into the node's hccn.conf."""
    return f"29.81.{18 + int(node.removeprefix('real-'))}.{100 + device}"


def fill_in(server, system, pod):
    """Puts a pod's address and devices into a server entry of a sample, in its order of keys."""
    server["server_id"] = server["server_ip"] = pod["status"]["podIP"]
    if "device" not in server:
        return
    ids = system.allocated(pod)
    assert len(ids) == len(server["device"])
    for device, number in zip(server["device"], ids):
        device["device_id"] = str(number)
        device["device_ip"] = device_address(pod["spec"]["nodeName"], number)


def test_the_tables_are_the_seeds(system, deployed):
    pods = {role: system.one_pod("qwen", role, deployed) for role in ("scheduler", "prefill", "decode")}
    expected = sample("ascendcloud-1p1d-global_ranktable_10.0.0.18.json")
    for group, role in zip(expected["server_group_list"], ("scheduler", "prefill", "decode")):
        fill_in(group["server_list"][0], system, pods[role])
    for pod in pods.values():
        # Compared as text: the order of keys is part of the format.
        assert system.read_in_pod(pod, "global_ranktable.json") == json.dumps(expected, separators=(",", ":"))
    for role, name in (("prefill", "45"), ("decode", "67"), ("scheduler", "host")):
        local = sample(f"ascendcloud-local_ranktable_10.0.0.18_{name}.json")
        fill_in(local["server_list"][0], system, pods[role])
        assert system.read_in_pod(pods[role], "local_ranktable.json") == json.dumps(local, separators=(",", ":"))


def test_a_lost_pod_leads_to_a_new_table_in_the_others(system, deployed):
    decode, lost = system.one_pod("qwen", "decode", deployed), system.one_pod("qwen", "prefill", deployed)
    generation = int(system.read_in_pod(decode, "generation"))
    with system.watch_addresses("pd-operator.io/role=prefill", deployed) as placed:
        system.kubectl("delete", "pod", lost["metadata"]["name"], "-n", deployed, "--wait=false")
        seen = system.wait_generation(decode, generation + 1)
        assert seen - placed(other_than=lost["metadata"]["uid"]) < 2000
    system.wait_ready("qwen", deployed)
    new = system.one_pod("qwen", "prefill", deployed)
    assert new["metadata"]["name"] == "qwen-prefill-0-0-2"
    entry = system.table(decode)["server_group_list"][1]["server_list"][0]
    assert entry["server_ip"] == new["status"]["podIP"]
    assert [int(device["device_id"]) for device in entry["device"]] == system.allocated(new)
    after = system.one_pod("qwen", "decode", deployed)
    assert after["metadata"]["uid"] == decode["metadata"]["uid"]
    assert [status["restartCount"] for status in after["status"]["containerStatuses"]] == [0]


def test_restart_restarts_each_peer_once(system, namespace):
    deployment = pddeployment("qwen", namespace, prefill=2, npus=1)
    for role in ("prefill", "decode"):
        deployment["spec"][role]["onPeerChange"] = "Restart"
    system.apply(deployment)
    system.wait_ready("qwen", namespace)
    system.kubectl("delete", "pod", system.pods("qwen", "prefill", namespace)[0]["metadata"]["name"], "-n", namespace, "--wait=false")
    system.kubectl("wait", "--for=jsonpath={.status.ranktable.epoch}=1", "pdd/qwen", "-n", namespace, "--timeout=60s")
    system.kubectl("wait", r"--for=jsonpath={.metadata.annotations.pd-operator\.io/epoch}=1", "configmap/qwen-ranktable", "-n",
                   namespace, "--timeout=90s")
    system.wait_ready("qwen", namespace)
    names = sorted(pod["metadata"]["name"] for pod in system.pods("qwen", namespace=namespace))
    assert names == ["qwen-decode-0-0-2", "qwen-prefill-0-0-2", "qwen-prefill-1-0-2", "qwen-scheduler-0-0-1"]


def test_scaling_in_removes_from_the_table_first(system, namespace):
    system.apply(pddeployment("qwen", namespace, prefill=2, npus=1))
    system.wait_ready("qwen", namespace)
    decode = system.one_pod("qwen", "decode", namespace)
    generation = int(system.read_in_pod(decode, "generation"))
    system.apply(pddeployment("qwen", namespace, prefill=1, npus=1))
    system.wait_generation(decode, generation + 1)
    assert len(system.table(decode)["server_group_list"][1]["server_list"]) == 1
    system.kubectl("wait", "--for=delete", "pod", "-n", namespace, "-l", "pd-operator.io/role=prefill,pd-operator.io/instance=1",
                   "--timeout=60s")
    assert [pod["metadata"]["name"] for pod in system.pods("qwen", "prefill", namespace)] == ["qwen-prefill-0-0-1"]


def test_deleting_the_deployment_leaves_nothing(system, deployed):
    system.kubectl("delete", "pdd", "qwen", "-n", deployed, "--timeout=60s")
    for kind in ("pods", "configmaps", "services"):
        system.kubectl("wait", "--for=delete", kind, "-n", deployed, "-l", "pd-operator.io/deployment=qwen", "--timeout=60s")
    assert system.get("pods,configmaps,services", "-n", deployed, "-l", "pd-operator.io/deployment=qwen")["items"] == []
