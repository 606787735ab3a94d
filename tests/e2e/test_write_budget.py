"""What the operator may ask of the API server: a reschedule costs one table, and one with nothing to do writes its Lease alone."""
import collections
import time

import pytest
from audit import AuditLog
from chart import OPERATOR_USER as USER
from life import ROLES, on_node

WINDOW = 10  # seconds in which nothing may happen
STATUS_WRITES = 5


def look_on(system, namespace):
    """For as long as the window is: a wait for something that must not come, as this ConfigMap is never made."""
    system.kubectl("wait", "--for=create", "configmap/never", "-n", namespace, f"--timeout={WINDOW}s", check=False)


@pytest.mark.parametrize("same", [False, True], ids=["other-address", "same-address-and-npus"])
def test_a_reschedule(system, life, same):
    life.pod_spec("prefill", **on_node("real-0"))
    if same:
        # On the host's network, with all NPUs of the node.
        life.pod_spec(*ROLES, hostNetwork=True)
        life.manifest["spec"]["prefill"]["npusPerPod"] = 8
    life.begin()
    began = time.time()
    with life.replaces("prefill", table="same" if same else "new"):
        life.delete("prefill")
    look_on(system, life.namespace)
    writes = [entry for entry in AuditLog(system).writes(USER, since=began) if entry.namespace == life.namespace and entry.succeeded]
    cost = collections.Counter(f"{entry.verb} {entry.resource}" for entry in writes)
    print(dict(cost))
    generation = str(life.generation())
    again = [pod for pod in life.pods().values() if pod["metadata"]["annotations"].get("pd-operator.io/retouched") == generation]
    listed = 1 if same else len(life.pods())  # who sees the generation already is not touched
    assert cost.pop("update configmaps", 0) == (0 if same else 1)
    assert cost.pop("patch pddeployments/status") <= STATUS_WRITES
    assert cost.pop("patch pods") <= listed + len(again)
    assert cost.pop("create pods") == 1
    assert not cost, "and nothing else"


def test_a_settled_deployment_causes_no_request(system, life):
    life.begin()
    settled = time.time() + 2  # a last look may still be under way
    look_on(system, life.namespace)
    asked = [entry for entry in AuditLog(system).read() if entry.user == USER and entry.namespace == life.namespace and entry.verb != "watch"]
    assert asked, "the audit log shows what the operator did before"
    assert [entry for entry in asked if entry.received > settled] == []


def test_an_idle_operator_writes_only_its_lease(system, life):
    system.until("pdd", lambda pdds: not pdds, "--all-namespaces", what="the deployments of other tests are gone")
    life.begin()
    settled = time.time() + 2
    look_on(system, life.namespace)
    written = AuditLog(system).writes(USER, since=settled)
    # What a pod that was not Ready for a moment would have caused is seen in the others' writes.
    others = [entry for entry in AuditLog(system).read() if entry.received > settled and entry.is_write and entry.resource != "leases"]
    assert {f"{entry.verb} {entry.resource}" for entry in written} == {"update leases"}, others
