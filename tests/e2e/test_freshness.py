"""How soon an agent says what has changed on its node: 2 seconds for what can be watched, else one probe interval more."""
import contextlib

import pytest
from agent_changes import AgentChanges, by_rename, in_place
from live_cluster import patience
from pd_system import NODES

NODE = NODES[1]
BOUND = 2  # seconds
PROBE_INTERVAL = 10  # seconds, the default


@pytest.fixture
def changes(system, namespace):
    with AgentChanges(system, NODE, namespace) as changes:
        # Else kubelet might refuse a pod for want of NPUs that those of earlier tests still hold.
        changes.nodes.wait_until(lambda: (changes.last().annotation("npu-allocations") or {}).get("pods") == [], 60, "no pod holds an NPU")
        yield changes


@contextlib.contextmanager
def agent_process(system, changes, *arguments, source):
    """In the place of the node's pod, an agent that has published by that source. It is a process since the tests change what the pod
    does not have: the pod has other arguments, and of the folder /etc the one file hccn.conf. As docs/agent.md says, it would not see
    when that is replaced; nor does it see the imitated tool's script."""
    with system.without_agent(NODE):
        system.forget_npus(NODE)
        changes.nodes.wait_until(lambda: changes.last().annotation("npu-inventory") is None, 30, "the annotation is gone")
        system.start_agent(NODE, *arguments)
        try:
            changes.wait_source(source)
            yield
        finally:
            assert system.stop_process(f"pd-agent-{NODE}") == 0
    changes.wait_source("hccn_tool")


@pytest.mark.parametrize("write", [in_place, by_rename])
def test_another_address_by_hccn_conf(system, changes, write):
    with agent_process(system, changes, "--source", "hccn_conf", source="hccn_conf"):
        assert changes.address(3, write) < patience(BOUND)


def test_another_address_by_the_tool(changes):
    changes.wait_source("hccn_tool")
    assert changes.address(5, in_place) < patience(BOUND)


def test_another_address_by_the_tool_in_a_new_file(system, changes):
    with agent_process(system, changes, source="hccn_tool"):
        assert changes.address(5, by_rename) < patience(BOUND)


def test_a_link_that_goes_down(system, changes):
    with agent_process(system, changes, source="hccn_tool"):
        assert changes.link(2) < patience(PROBE_INTERVAL + BOUND)


def test_new_allocations(changes):
    for count in (1, 2):
        uid = changes.create_pod((1,) * count)
        holding, change = changes.allocation(uid, count)
        assert changes.said_of(change, uid) == holding.devices
        assert change.moment - holding.written < patience(BOUND)


def test_a_restarted_kubelet(changes):
    """One pod goes while there is no kubelet, one comes after it, and of the one that stays nothing else is ever said."""
    stays, goes = changes.create_pod((2, 1)), changes.create_pod((2,))
    before, _ = changes.allocation(stays, 3)
    changes.allocation(goes, 2)
    first = len(changes.nodes.changes)
    with changes.without_kubelet():
        changes.delete_pods(goes, by_force=True)
    comes = changes.create_pod((2,))
    holding, change = changes.allocation(comes, 2)
    assert changes.said_of(change, comes) == holding.devices
    assert change.moment - holding.written < patience(BOUND)
    assert changes.forgotten(goes) - holding.written < patience(BOUND)
    of_node = [change for change in changes.nodes.changes[first:] if change.name == NODE]
    assert of_node and [change.annotation("npu-allocations")["pods"] for change in of_node
                        if changes.said_of(change, stays) != before.devices] == []
    assert changes.given.of(stays) == before.containers and changes.given.problems == []
    assert sorted(before.devices + holding.devices) == sorted(set(before.devices + holding.devices))
