"""Nodes, kubelets, agents and the API server that stop, while pods have to go elsewhere."""
import contextlib

import pytest

pytestmark = pytest.mark.verify

NODE, OTHER = "real-0", "real-1"
QUICK_TO_LEAVE = [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
                  for key in ("unreachable", "not-ready")]


@contextlib.contextmanager
def without_new_pods(life, node):
    life.system.kubectl("cordon", node)
    try:
        yield
    finally:
        life.system.kubectl("uncordon", node)


def wait_moved(life):
    life.system.until("pods", lambda _: where(life) == OTHER, "-n", life.namespace, timeout=life.timeout, what="the successor is on the other node")


def where(life):
    """The node of the prefill pod."""
    pod = life.pods().get(("prefill", 0))
    return pod and pod["spec"].get("nodeName")


def test_a_pod_moves_to_the_other_node(life):
    life.begin()
    assert where(life) == NODE
    with life.replaces("prefill"), without_new_pods(life, NODE):
        life.delete("prefill")
        wait_moved(life)


def test_a_node_is_drained(life):
    life.begin()
    with life.replaces("prefill"), without_new_pods(life, NODE):
        life.system.kubectl("drain", NODE, "--force", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s")
        wait_moved(life)
        assert NODE not in [pod["spec"]["nodeName"] for pod in life.system.release_pods("operator")]
    life.system.wait_operator()


def test_a_kubelet_stops(life):
    """Its pods end for ever; the successor goes to the other node."""
    life.pod_spec("prefill", tolerations=QUICK_TO_LEAVE)
    life.begin()
    lost = life.pod("prefill")
    try:
        with life.replaces("prefill"):
            life.system.kill_process(f"{NODE}-kubelet")
            life.system.until("pods", lambda _: life.pods().get(("prefill", 0), lost)["metadata"]["uid"] != lost["metadata"]["uid"], "-n",
                              life.namespace, timeout=120, what="a successor")
    finally:
        life.system.run("restart-kubelet", NODE)
    assert where(life) == OTHER
    life.system.kubectl("wait", "--for=delete", f"pod/{lost['metadata']['name']}", "-n", life.namespace, "--timeout=60s")


def test_an_agent_is_killed(life):
    """... and does not come back for a time: no table names NPUs that no agent has reported."""
    life.begin()
    with life.replaces("prefill"):
        generation = life.generation()
        life.system.kill_container(life.system.agent(NODE))
        with life.system.without_agent(NODE):
            life.delete("prefill")
            life.system.until("pdd", lambda pdds: any(c["type"] == "DevicesDiscovered" and c["status"] == "False"
                                                      for c in pdds[0]["status"]["conditions"]), "-n", life.namespace,
                              timeout=life.timeout, what="the condition tells that NPUs are not known")
            assert life.generation() == generation


def test_the_api_server_is_restarted(life):
    life.begin()
    with life.replaces("prefill"):
        life.delete("prefill")
        life.system.restart_api_server()
