"""What the agents write about their nodes, and that a broken node does no harm."""
import json
import pathlib
import shutil
import tempfile

import chart
from chart_system import PRIVILEGED
from live_cluster import PROGRAMS, SCRIPT
from manifests import pddeployment
from pd_system import AGENT_PORTS, NODES

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
          "--bounding-set=-all")


def test_each_node_has_its_own_inventory(system):
    for index, node in enumerate(NODES):
        inventory = system.until("nodes", lambda _, node=node: system.node_annotation(node, "npu-inventory"), what="an inventory")
        assert inventory["v"] == 1
        assert inventory["source"] == "hccn_tool"
        assert inventory["resource"] == "huawei.com/Ascend910"
        assert [(device["id"], device["ip"]) for device in inventory["devices"]] == [
            (number, f"29.81.{18 + index}.{100 + number}") for number in range(8)]
        assert {device["link"] for device in inventory["devices"]} == {"up"}


def test_allocations_are_kubelets(system, namespace):
    system.apply(pddeployment("qwen", namespace))
    system.wait_ready("qwen", namespace)
    for role in ("prefill", "decode"):
        pod = system.one_pod("qwen", role, namespace)
        allocations = system.node_annotation(pod["spec"]["nodeName"], "npu-allocations")
        assert allocations["ids"] == "real"
        (entry,) = [entry for entry in allocations["pods"] if entry["uid"] == pod["metadata"]["uid"]]
        assert entry["devices"] == system.allocated(pod)
        assert (entry["namespace"], entry["name"]) == (namespace, pod["metadata"]["name"])


def test_garbled_annotations_leave_the_last_table(system, namespace):
    system.apply(pddeployment("qwen", namespace))
    system.wait_ready("qwen", namespace)
    pod = system.one_pod("qwen", "prefill", namespace)
    node, before = pod["spec"]["nodeName"], system.config_map("qwen", namespace)["data"]
    with system.without_agent(node):
        system.kubectl("annotate", "--overwrite", "node", node, "pd-operator.io/npu-inventory=[[[[{", "pd-operator.io/npu-allocations={}")
        condition = system.until("pdd", lambda pdds: next(
            (c for c in pdds[0]["status"]["conditions"] if c["type"] == "DevicesDiscovered" and c["status"] != "True"), None),
            "-n", namespace, what="the condition tells of it")
        assert node in condition["message"]
        assert system.config_map("qwen", namespace)["data"] == before
    system.until("nodes", lambda _: not is_garbled(system, node), what="the agent repairs the annotation")
    system.wait_ready("qwen", namespace)
    assert system.config_map("qwen", namespace)["data"] == before


def test_probe_tells_a_person_on_the_node(system):
    agent = system.agent(NODES[1])["metadata"]
    probe = ("exec", agent["name"], "-n", agent["namespace"], "--", "pd-agent", "probe")
    said = system.kubectl(*probe).stdout
    assert "NPUs of this node, by hccn_tool (resource huawei.com/Ascend910):" in said
    assert "29.81.19.107" in said
    told = json.loads(system.kubectl(*probe, "--json").stdout)
    assert len(told["pd-operator.io/npu-inventory"]["devices"]) == 8


def test_a_file_by_hand_needs_no_privilege(system):
    """Neither root, nor a capability, nor anything of kubelet or the driver: a process, as the release's pods have all of these."""
    node = NODES[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        shutil.copy(PROGRAMS / "pd-agent", folder)
        shutil.copyfile(system.kubeconfig("pd-agent"), folder / "kubeconfig")
        (folder / "npus.json").write_text('{"devices":[{"id":5,"ip":"29.81.99.5"}]}', encoding="utf-8")
        with system.without_agent(node):
            system.start_process("pd-agent-nobody", SCRIPT, "exec", "--name", system.name, "--", *NOBODY, folder / "pd-agent",
                                 "--node-name", node, "--kubeconfig", folder / "kubeconfig", "--static-file", folder / "npus.json",
                                 "--ids", "unknown", "--resource-names", "huawei.com/Ascend910",
                                 "--hccn-tool", "/none", "--hccn-conf", "/none", "--metrics-address", f":{AGENT_PORTS[node]}")
            try:
                system.until("nodes", lambda _: (system.node_annotation(node, "npu-inventory") or {}).get("source") == "static_file",
                             what="what the file says")
                inventory = system.node_annotation(node, "npu-inventory")
                assert inventory["devices"] == [{"id": 5, "ip": "29.81.99.5"}]
                assert inventory["resource"] == "huawei.com/Ascend910"
                assert system.node_annotation(node, "npu-allocations") == {"v": 1, "ids": "unknown", "pods": []}
            finally:
                assert system.stop_process("pd-agent-nobody") == 0
    system.until("nodes", lambda _: system.node_annotation(node, "npu-allocations")["ids"] == "real", what="the agent is back")


def test_withdraw_clears_up_after_the_agents(system):
    for node in NODES:
        system.until("nodes", lambda _, node=node: system.node_annotation(node, "npu-inventory"), what="an inventory")
    withdrawal = chart.withdrawal("--set", f"agent.namespace={PRIVILEGED}")
    with system.without_agent(NODES[0]), system.without_agent(NODES[1]):
        try:
            system.apply(withdrawal)
            system.kubectl("wait", "--for=condition=Complete", f"job/{chart.WITHDRAW_ACCOUNT}", "-n", chart.NAMESPACE, "--timeout=120s")
            for node in NODES:
                annotations = system.get("node", node)["metadata"]["annotations"]
                assert not [key for key in annotations if key.startswith("pd-operator.io/")]
                assert annotations, "what others have written stays"
        finally:
            system.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=json.dumps(withdrawal))
    for node in NODES:
        system.until("nodes", lambda _, node=node: system.node_annotation(node, "npu-allocations"), what="the agents are back")


def is_garbled(system, node):
    text = system.get("node", node)["metadata"]["annotations"].get("pd-operator.io/npu-inventory", "")
    try:
        return not json.loads(text).get("devices")
    except ValueError:
        return True
