"""What the installed programs show of themselves, asked from inside the cluster's network; and the events they write."""
import json

from manifests import pddeployment
from pd_system import NODES

PORT = 8080  # of each pod
ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())"


def ask(system, pod, path):
    return system.run("exec", "--", "python3", "-c", ASK, f"http://{pod['status']['podIP']}:{PORT}{path}").stdout


def metric(text, start):
    """The sum of all samples whose name and labels start so."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(start))


def test_the_operator_is_ready_and_counts_what_it_asks(system, namespace):
    system.apply(pddeployment("qwen", namespace))
    system.wait_ready("qwen", namespace)
    leader = system.leader()
    assert ask(system, leader, "/livez").strip() == "ok"
    assert "[+]caches ok" in ask(system, leader, "/readyz?verbose")
    metrics = ask(system, leader, "/metrics")
    assert metric(metrics, "rest_client_requests_total{code=\"201\"") >= 4, "a ConfigMap, a Service and pods were made"
    assert metric(metrics, "pd_operator_events_total{result=\"written\"}") >= 1
    assert metric(metrics, "pd_operator_publishes_total{result=\"success\"}") >= 2, "initializing, completed"
    assert metric(metrics, "pd_operator_publish_latency_seconds_count") >= 1
    assert metric(metrics, f"pd_operator_ranktable_generation{{name=\"qwen\",namespace=\"{namespace}\"}}") >= 1
    assert 0 <= metric(metrics, f"pd_operator_ranktable_age_seconds{{name=\"qwen\",namespace=\"{namespace}\"}}") < 600
    assert metric(metrics, "process_resident_memory_bytes") > 1e6


def test_an_agent_is_ready_once_its_node_says_what_it_found(system):
    for node in NODES:
        system.until("nodes", lambda _, node=node: system.node_annotation(node, "npu-inventory"), what="an inventory")
        agent = system.agent(node)
        assert "[+]published ok" in ask(system, agent, "/readyz?verbose")
        assert metric(ask(system, agent, "/metrics"), "rest_client_requests_total{code=\"200\"") >= 1


def test_the_published_table_is_an_event(system, namespace):
    system.apply(pddeployment("qwen", namespace))
    system.wait_ready("qwen", namespace)
    events = system.until("events", lambda events: [e for e in events if e["reason"] == "RanktablePublished"], "-n", namespace,
                          what="an event of the table")
    assert events[0]["involvedObject"]["kind"] == "PDDeployment"
    assert events[0]["reportingComponent"] == "pd-operator.io/pd-operator"
    leader = system.leader()["metadata"]
    log = system.kubectl("logs", leader["name"], "-n", leader["namespace"]).stdout
    refused = [line for line in log.splitlines() if "Did not write an event" in line and namespace in line]
    assert not refused, json.dumps(refused)
