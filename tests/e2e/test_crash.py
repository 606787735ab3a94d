"""The operator killed between any two steps, and started again, ends with the same table and no duplicate pod."""
import json
import signal

import pytest
from manifests import pddeployment

# After which write it dies. A first deployment has about a dozen: the reservation, the ConfigMap, two Services, three pods, the
# table, a touch for each pod, and the status in between.
POINTS = (1, 3, 5, 7, 9, 11)


@pytest.fixture
def without_operator(system):
    system.stop_process("pd-operator")
    yield
    if "pd-operator" not in system.processes:
        system.start_operator()


@pytest.mark.parametrize("writes", POINTS)
def test_killed_after_a_write(system, namespace, without_operator, writes):
    system.apply(pddeployment("qwen", namespace, npus=1))
    crashing = system.start_operator("--namespace", namespace, name="crashing-operator", program="crashing-operator",
                                     environment={"PD_CRASH_AFTER_WRITES": str(writes)})
    assert crashing.wait(timeout=60) == -signal.SIGKILL
    del system.processes["crashing-operator"]
    system.start_operator()
    system.wait_ready("qwen", namespace)
    every = system.get("pods", "-n", namespace)["items"]
    assert sorted(pod["metadata"]["name"] for pod in every) == ["qwen-decode-0-0-1", "qwen-prefill-0-0-1", "qwen-scheduler-0-0-1"]
    data = system.config_map("qwen", namespace)["data"]
    table = json.loads(data["global_ranktable.json"])
    assert table["status"] == "completed"
    for group, role in zip(table["server_group_list"], ("scheduler", "prefill", "decode")):
        pod = system.one_pod("qwen", role, namespace)
        (server,) = group["server_list"]
        assert server["server_ip"] == pod["status"]["podIP"]
        assert [int(device["device_id"]) for device in server.get("device", [])] == ([] if role == "scheduler" else system.allocated(pod))
        assert system.table(pod) == table
        assert system.read_in_pod(pod, "generation") == data["generation"]
