"""Pods that come and go, on the pod network and on the hosts'."""
import pytest
from life import on_node

pytestmark = pytest.mark.verify

HOST_NETWORK = {"hostNetwork": True}
ROLES = ("scheduler", "prefill", "decode")
networks = pytest.mark.parametrize("network", [{}, HOST_NETWORK], ids=["pod-network", "host-network"])


@networks
def test_first_placement(life, network):
    life.pod_spec(*ROLES, **network)
    life.scale(prefill=2)
    life.begin()


@networks
def test_prefill_and_decode_on_one_node(life, network):
    life.pod_spec(*ROLES, **on_node("real-0"), **network)
    life.slow_to_end("decode")
    life.begin()
    with life.replaces("decode"):
        life.delete("decode")


def test_a_pod_is_deleted(life):
    life.begin()
    with life.replaces("prefill"):
        life.delete("prefill")


def test_the_scheduler_is_deleted(life):
    life.begin()
    with life.replaces("scheduler"):
        life.delete("scheduler")


def test_a_container_crashes(life):
    life.begin()
    with life.replaces(table="same", restarted=["prefill"]):
        life.system.kill_container(life.pod("prefill"))
        life.system.until("pods", lambda _: life.pod("prefill")["status"]["containerStatuses"][0]["restartCount"] == 1, "-n", life.namespace,
                          what="it was started again")


def npus(life, role):
    return life.system.allocated(life.pod(role))


# A pod that holds all NPUs of a node has the same as its predecessor.
@pytest.mark.parametrize("network, table", [({}, "new"), (HOST_NETWORK, "same")], ids=["pod-network", "host-network"])
def test_a_replacement_with_the_same_npus(life, network, table):
    life.pod_spec(*ROLES, **network)
    life.pod_spec("prefill", **on_node("real-0"))
    life.manifest["spec"]["prefill"]["npusPerPod"] = 8
    life.begin()
    with life.replaces("prefill", table=table):
        life.delete("prefill")
    assert npus(life, "prefill") == list(range(8))


@networks
def test_a_replacement_with_other_npus(life, network):
    """The one before still ends, and holds its NPUs."""
    life.pod_spec(*ROLES, **network)
    life.pod_spec("prefill", **on_node("real-0"))
    life.slow_to_end("prefill")
    life.begin()
    before = npus(life, "prefill")
    with life.replaces("prefill"):
        life.delete("prefill")
    assert not set(npus(life, "prefill")) & set(before)
