"""An operator with nothing to do does nothing: it writes neither objects nor status."""
import calendar
import json
import time

from manifests import pddeployment


def requests(system, user, since):
    """What a user asked of the API server since then, from the audit log, watches apart."""
    with open(f"{system.state}/audit.log", encoding="utf-8") as log:
        entries = [json.loads(line) for line in log]
    return [f"{entry['verb']} {entry['requestURI']}" for entry in entries
            if entry["user"]["username"] == user and entry["verb"] != "watch" and entry["requestReceivedTimestamp"] > since]


def two_seconds_after(moment):
    """A last look may still be under way, or the second touch that was due."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")) + 2))


def test_a_settled_deployment_causes_no_request(system, namespace):
    system.apply(pddeployment("qwen", namespace, npus=1))
    system.wait_ready("qwen", namespace)
    # Then all is said.
    system.kubectl("wait", "--for=condition=RanktableDelivered", "pdd/qwen", "-n", namespace, "--timeout=30s")
    marker = system.kubectl("create", "configmap", "marker", "-n", namespace, "-o", "jsonpath={.metadata.creationTimestamp}").stdout
    window = 10
    # A wait for something that must not come: this ConfigMap is never made.
    system.kubectl("wait", "--for=create", "configmap/never", "-n", namespace, f"--timeout={window}s", check=False)
    about = [request for request in requests(system, "pd-operator", "") if f"/{namespace}/" in request]
    assert about, "the audit log shows what the operator did before"
    assert [request for request in requests(system, "pd-operator", two_seconds_after(marker)) if f"/{namespace}/" in request] == []
