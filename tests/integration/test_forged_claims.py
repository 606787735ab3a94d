"""Forged annotations of devices on the real API server: pods and nodes are objects there, with kubelet's and pd-agent's words."""
import itertools

import pytest
from manifests import pddeployment
from operator_process import OperatorProcess
from pretend_node import PretendNode

numbers = itertools.count()


@pytest.fixture
def operator(cluster):
    with OperatorProcess(cluster, f"claims-{next(numbers)}") as operator:
        yield operator


@pytest.fixture
def node(cluster, request):
    number = 50 + next(numbers)
    node = PretendNode(cluster, f"claims-node-{number}", number, request.param)
    yield node
    cluster.kubectl("delete", "node", node.name)


def tenants_pod(namespace):
    """It carries our labels, and is older than the pods that it wants to harm."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tenant", "namespace": namespace, "labels": {
        "pd-operator.io/deployment": "qwen", "pd-operator.io/role": "prefill", "pd-operator.io/instance": "0",
        "pd-operator.io/pod-index": "0"}}, "spec": {"containers": [{"name": "c", "image": "localhost/pause:1"}]}}


def listed(operator, role):
    """The devices in the instance's table; none while it is initializing."""
    servers = operator.table(key=f"local_ranktable_{role}-0.json").get("server_list", [])
    return [(int(device["device_id"]), device["device_ip"]) for server in servers for device in server["device"]]


def of(node, *devices):
    return [(device, node.device_address(device)) for device in devices]


def own_pod(operator, role):
    (pod,) = [pod for pod in operator.pods(role=role) if pod["metadata"]["name"] != "tenant"]
    return pod


@pytest.mark.parametrize("node", ["real"], indirect=True)
def test_on_a_real_node_a_forged_claim_harms_nobody_else(cluster, operator, node):
    cluster.apply(tenants_pod(operator.namespace))
    tenant = operator.get("pod", "tenant")
    node.place(tenant)
    node.claim(tenant, [0, 1])
    cluster.apply(pddeployment("qwen", operator.namespace))
    operator.wait_pods(4)
    # Claims come first: pods that kubelet has not said anything of are waited for.
    prefill, decode = own_pod(operator, "prefill"), own_pod(operator, "decode")
    node.claim(prefill, [6, 7])
    node.place(own_pod(operator, "scheduler"))
    node.place(decode, [2, 3])
    assert operator.table() == {"version": "1.0", "status": "initializing"}
    node.place(prefill, [0, 1])
    told = operator.wait_condition("DevicesDiscovered", "False", "DevicesDisagree")
    assert prefill["metadata"]["name"] in told["message"] and "NPU 6, 7 by its annotation" in told["message"]
    assert operator.table() == {"version": "1.0", "status": "initializing"}, "nothing is published for who says two things"
    node.claim(prefill, None)
    operator.wait_condition("RanktableReady", "True")
    assert listed(operator, "prefill") == of(node, 0, 1)
    assert listed(operator, "decode") == of(node, 2, 3)
    # One of the deployment's own pods claims what another one holds: only its own placement is doubted.
    node.claim(prefill, [2, 3])
    told = operator.wait_condition("DevicesDiscovered", "False", "DevicesDisagree")
    assert prefill["metadata"]["name"] in told["message"]
    assert listed(operator, "decode") == of(node, 2, 3)
    assert listed(operator, "prefill") == of(node, 0, 1)
    node.claim(prefill, [0, 1])
    told = operator.wait_condition("DevicesDiscovered", "True")
    assert "ascend-910-configuration" in told["message"], "what confirms kubelet's word is named"


@pytest.mark.parametrize("node", ["remapped"], indirect=True)
def test_on_a_remapped_node_a_claim_on_more_devices_than_kubelet_counted_is_refused(cluster, operator, node):
    cluster.apply(pddeployment("qwen", operator.namespace))
    operator.wait_pods(3)
    prefill, decode = operator.pod("prefill"), operator.pod("decode")
    node.place(operator.pod("scheduler"))
    node.claim(decode, [4, 5])
    node.place(decode, [2, 3])
    node.claim(prefill, [0, 1, 6])
    node.place(prefill, [0, 1])
    told = operator.wait_condition("DevicesDiscovered", "False", "DevicesDisagree")
    assert "has 2 NPUs by kubelet's count and 3 by its annotation" in told["message"]
    assert operator.table() == {"version": "1.0", "status": "initializing"}
    node.claim(prefill, [6, 7])
    operator.wait_condition("RanktableReady", "True")
    assert listed(operator, "prefill") == of(node, 6, 7)
    assert listed(operator, "decode") == of(node, 4, 5)
