"""Nodes, kubelets, agents and the API server that stop, while pods have to go elsewhere."""
import contextlib
import pathlib
import re
import shutil
import time

import pytest
from api_watch import ApiWatch
from live_cluster import SCRIPT
from ranktable_checker import kubelets_devices

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


@contextlib.contextmanager
def lonely_kubelet(life):
    """The node's kubelet is started anew and can't reach the API server; at the end it is started as it was."""
    folder = pathlib.Path(life.system.state, "nodes", NODE)
    lonely = folder / "lonely-kubeconfig"
    lonely.write_text(re.sub("server: .*", "server: https://127.0.0.1:1", (folder / "kubeconfig").read_text(encoding="utf-8")), encoding="utf-8")
    kubelet = pathlib.Path("/proc", str(life.system.process(f"{NODE}-kubelet")), "cmdline").read_text(encoding="utf-8").split("\0")[:-1]
    life.system.kill_process(f"{NODE}-kubelet")
    try:
        kubelet[0] = shutil.which("kubelet", path=pathlib.Path(life.system.state, "bin"))
        kubelet[kubelet.index("--kubeconfig") + 1] = str(lonely)
        life.system.start_process("lonely-kubelet", SCRIPT, "node-exec", "--name", life.system.name, NODE, "--", *kubelet)
        yield
    finally:
        life.system.stop_process("lonely-kubelet")
        life.system.run("restart-kubelet", NODE)


def lists_no_pod_for(life, seconds):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        assert not kubelets_devices(life.system, NODE), "a kubelet that has not reached the API server knows of no pod"
        time.sleep(1)


def test_a_kubelet_is_restarted_and_cannot_reach_the_api_server(life):
    """For longer than an agent believes a list without any pod: those that run keep their NPUs."""
    life.begin()
    before, generation = life.pods(), life.generation()
    holder = before["prefill", 0]["metadata"]["uid"]
    with ApiWatch(life.system, "/api/v1/nodes") as nodes:
        with lonely_kubelet(life):
            lists_no_pod_for(life, 45)
        life.settle({}, generation)
        assert not nodes.has_ended
        versions = [change.annotation("npu-allocations") for change in nodes.changes if change.name == NODE]
    assert versions and all(holder in [pod["uid"] for pod in said["pods"]] for said in versions)
    assert life.pods().keys() == before.keys() and life.generation() == generation
    life.check_peers(before, (), ())


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
