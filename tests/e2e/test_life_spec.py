"""Changes of the spec, and of the ConfigMap by hand."""
import json

import pytest
from life import NAME


def instances(life, role):
    """As the pod sees them that is never replaced here."""
    groups = life.system.table(life.pod("scheduler"))["server_group_list"]
    return len(groups[("scheduler", "prefill", "decode").index(role)]["server_list"])


def test_scale_out_and_in(life):
    life.begin()
    with life.replaces():
        life.scale(prefill=2, decode=2)
        life.apply()
    assert (instances(life, "prefill"), instances(life, "decode")) == (2, 2)
    with life.replaces():
        life.scale(prefill=1)
        life.apply()
    assert (instances(life, "prefill"), instances(life, "decode")) == (1, 2)


@pytest.mark.verify
def test_to_zero_and_back(life):
    life.begin()
    decode, generation = life.pod("decode"), life.generation()
    with life.replaces("prefill"):
        life.scale(prefill=0)
        life.apply()
        life.system.wait_generation(decode, generation + 1)
        assert life.system.table(decode)["status"] == "initializing"
        life.system.until("pods", lambda _: ("prefill", 0) not in life.pods(), "-n", life.namespace, what="its pod goes")
        life.scale(prefill=1)
        life.apply()


@pytest.mark.verify
def test_update_of_one_role(life):
    life.scale(prefill=2)
    life.begin()
    with life.replaces("prefill"):
        life.environment("prefill", EXTRA="1")
        life.apply()


def config_map(life):
    return life.system.config_map(NAME, life.namespace)["data"]


def tables(data):
    return {key: text for key, text in data.items() if key != "generation"}


def test_the_config_map_is_deleted(life):
    life.begin()
    before = tables(config_map(life))
    with life.replaces():
        life.system.kubectl("delete", "configmap", f"{NAME}-ranktable", "-n", life.namespace)
    assert tables(config_map(life)) == before
    # A pod that is made now starts, whatever keys were missing meanwhile.
    with life.replaces("prefill"):
        life.delete("prefill")


def test_the_config_map_is_edited(life):
    life.begin()
    before = tables(config_map(life))
    with life.replaces():
        life.system.kubectl("patch", "configmap", f"{NAME}-ranktable", "-n", life.namespace, "--type=merge",
                            "-p", json.dumps({"data": {"global_ranktable.json": "{}"}}))
    assert tables(config_map(life)) == before
