"""The operator killed between any two steps: the installed one, which comes after it, ends with the same table and no duplicate pod."""
import json
import signal

import pytest
from manifests import pddeployment

# After which write it dies. A first deployment has about a dozen: the reservation, the ConfigMap, two Services, three pods, the
# table, a touch for each pod, and the status in between.
POINTS = (1, 3, 5, 7, 9, 11)


@pytest.mark.parametrize("writes", POINTS)
def test_killed_after_a_write(system, namespace, writes):
    with system.without_operator():
        system.apply(pddeployment("qwen", namespace, npus=1))
        # A program of its own, which is not in the image: nobody could kill a pod's process at so exact a moment.
        crashing = system.start_operator("--namespace", namespace, name="crashing-operator", program="crashing-operator",
                                         environment={"PD_CRASH_AFTER_WRITES": str(writes)})
        try:
            assert crashing.wait(timeout=60) == -signal.SIGKILL
        finally:
            system.stop_process("crashing-operator", kill=True)
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
