"""Services, PodDisruptionBudgets and dry runs on the real API server: what it fills in, refuses, and lets through."""
import itertools
import json

import pytest
from audit import AuditLog
from manifests import pddeployment
from operator_process import OperatorProcess
from pretend_node import NPU, PretendNode

numbers = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def node(cluster):
    """Makes the operator know the resource that its pods have to ask for."""
    node = PretendNode(cluster, "objects-node", 40)
    yield node
    cluster.kubectl("delete", "node", node.name)


@pytest.fixture
def operator(cluster):
    with OperatorProcess(cluster, f"objects-{next(numbers)}") as operator:
        yield operator


def engine(manifest, role):
    return manifest["spec"][role]["template"]["spec"]["containers"][0]


def with_ports(*ports):
    manifest = pddeployment("qwen", "unset")
    manifest["spec"] = json.loads(json.dumps(manifest["spec"]))  # the example's roles share one template
    engine(manifest, "scheduler")["ports"] = [{"name": name, "containerPort": number} for name, number in ports]
    return manifest


def apply(operator, manifest):
    manifest["metadata"]["namespace"] = operator.namespace
    operator.cluster.apply(manifest)


def writes(operator, audit, resource):
    """Verbs, in order, of what the operator has written and got through."""
    return [entry.verb for entry in audit.writes("pd-operator") if entry.namespace == operator.namespace
            and entry.resource == resource and entry.succeeded]


def settled(operator, audit, resource, count):
    """Nothing is written any more, a while after that many writes."""
    operator.wait(lambda: len(writes(operator, audit, resource)) >= count, f"{count} writes of {resource}")
    # A wait for something that must not come: this ConfigMap is never made.
    operator.kubectl("wait", "--for=create", "configmap/never", "--timeout=2s", check=False)
    return writes(operator, audit, resource)


def ports(operator):
    service = operator.get("service", "qwen-scheduler") or {"spec": {}}
    return [port["port"] for port in service["spec"].get("ports", [])]


def test_services_follow_the_spec_with_one_write_each(cluster, operator):
    audit = AuditLog(cluster)
    manifest = with_ports(("http", 8000))
    apply(operator, manifest)
    operator.wait(lambda: ports(operator) == [8000], "the scheduler's Service")
    before = operator.get("service", "qwen-scheduler")["spec"]
    # What others set stays, what we set is undone.
    operator.kubectl("patch", "service", "qwen-scheduler", "--type=merge", "-p", json.dumps(
        {"metadata": {"labels": {"team": "a"}}, "spec": {"type": "NodePort", "sessionAffinity": "ClientIP", "selector": {"x": "y"}}}))
    operator.wait(lambda: operator.get("service", "qwen-scheduler")["spec"]["selector"] == before["selector"], "the selector")
    edited = operator.get("service", "qwen-scheduler")
    node_port = edited["spec"]["ports"][0]["nodePort"]
    assert edited["metadata"]["labels"]["team"] == "a" and edited["spec"]["sessionAffinity"] == "ClientIP"
    engine(manifest, "scheduler")["ports"].append({"name": "admin", "containerPort": 9000})
    apply(operator, manifest)
    operator.wait(lambda: ports(operator) == [8000, 9000], "both ports")
    spec = operator.get("service", "qwen-scheduler")["spec"]
    assert spec["clusterIP"] == before["clusterIP"] and spec["ports"][0]["nodePort"] == node_port
    assert settled(operator, audit, "services", 4) == ["create", "create", "patch", "patch"]


def test_a_service_turns_headless_and_back(cluster, operator):
    audit = AuditLog(cluster)
    apply(operator, with_ports(("http", 8000)))
    operator.wait(lambda: ports(operator) == [8000], "the scheduler's Service")
    apply(operator, with_ports())
    operator.wait(lambda: (operator.get("service", "qwen-scheduler") or {"spec": {}})["spec"].get("clusterIP") == "None",
                  "a headless Service")
    apply(operator, with_ports(("http", 8000)))
    operator.wait(lambda: ports(operator) == [8000], "a Service with a port")
    assert operator.get("service", "qwen-scheduler")["spec"]["clusterIP"] != "None"
    assert settled(operator, audit, "services", 6) == ["create", "create", "delete", "create", "delete", "create"]


def test_budgets_follow_the_spec(cluster, operator):
    audit = AuditLog(cluster)
    foreign = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "qwen-decode", "namespace":
               operator.namespace}, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"a": "b"}}}}
    cluster.apply(foreign)
    manifest = pddeployment("qwen", operator.namespace)
    manifest["spec"]["prefill"]["podDisruptionBudget"] = {"minAvailable": 1}
    cluster.apply(manifest)
    budget = operator.wait(lambda: operator.get("pdb", "qwen-prefill"), "the budget")
    uid = operator.get("pdd", "qwen")["metadata"]["uid"]
    assert [owner["uid"] for owner in budget["metadata"]["ownerReferences"] if owner["controller"]] == [uid]
    assert budget["spec"]["minAvailable"] == 1
    operator.wait(lambda: (operator.get("pdb", "qwen-prefill").get("status") or {}).get("expectedPods") == 1,
                  "the disruption controller counts the role's pod")
    operator.edit({"prefill": {"podDisruptionBudget": {"minAvailable": 0}}})
    operator.wait(lambda: operator.get("pdb", "qwen-prefill")["spec"]["minAvailable"] == 0, "the new number")
    operator.kubectl("patch", "pdb", "qwen-prefill", "--type=merge", "-p",
                     '{"spec": {"minAvailable": null, "maxUnavailable": "50%"}}')
    operator.wait(lambda: operator.get("pdb", "qwen-prefill")["spec"].get("minAvailable") == 0, "the edit is undone")
    assert "maxUnavailable" not in operator.get("pdb", "qwen-prefill")["spec"]
    operator.edit({"prefill": {"podDisruptionBudget": None}, "decode": {"podDisruptionBudget": {"minAvailable": 1}}})
    operator.wait(lambda: operator.get("pdb", "qwen-prefill") is None, "the budget goes")
    told = operator.wait_condition("Progressing", "True", "NameTaken")
    assert "PodDisruptionBudget qwen-decode belongs to somebody else" in told["message"]
    assert operator.get("pdb", "qwen-decode")["spec"] == foreign["spec"]
    assert settled(operator, audit, "poddisruptionbudgets", 4) == ["create", "patch", "patch", "delete"]


def test_an_invalid_template_is_refused_before_a_pod_is_given_up(operator):
    manifest = with_ports()
    apply(operator, manifest)
    operator.wait_condition("TemplatesValid", "True")
    before = {pod["metadata"]["uid"] for pod in operator.wait_pods(3)}
    engine(manifest, "decode")["imagePullPolicy"] = "Sometimes"
    apply(operator, manifest)
    told = operator.wait_condition("TemplatesValid", "False", "PodRefused")
    assert "decode" in told["message"] and 'Unsupported value: "Sometimes"' in told["message"]
    assert "/api/v1" not in told["message"], "in the server's words"
    operator.wait(lambda: [event for event in operator.list("events") if event["reason"] == "TemplateInvalid"], "an event")
    assert {pod["metadata"]["uid"] for pod in operator.pods()} == before
    engine(manifest, "decode")["imagePullPolicy"] = "Always"
    apply(operator, manifest)
    operator.wait_condition("TemplatesValid", "True")
    operator.wait(lambda: {pod["metadata"]["uid"] for pod in operator.pods(role="decode")} - before, "the new template is used")


def test_pod_security_refuses_and_lets_through_again(cluster, operator):
    audit = AuditLog(cluster)
    cluster.kubectl("label", "namespace", operator.namespace, "pod-security.kubernetes.io/enforce=restricted")
    apply(operator, with_ports())
    told = operator.wait_condition("TemplatesValid", "False", "PodRefused")
    assert 'violates PodSecurity "restricted:latest"' in told["message"]
    assert operator.pods() == []
    cluster.kubectl("label", "namespace", operator.namespace, "pod-security.kubernetes.io/enforce-")
    operator.wait_condition("TemplatesValid", "True", timeout=90)
    operator.wait_pods(3)
    tries = [entry for entry in audit.writes("pd-operator") if entry.namespace == operator.namespace and entry.resource == "pods"]
    assert len(tries) < 40, "refused pods are tried less and less often"


def test_a_quota_that_is_used_up_is_not_the_templates_fault(cluster, operator):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": operator.namespace},
             "spec": {"hard": {"pods": "0"}}}
    cluster.apply(quota)
    operator.kubectl("wait", "--for=jsonpath={.status.hard.pods}=0", "resourcequota/none", "--timeout=30s")
    apply(operator, with_ports())
    told = operator.wait_condition("TemplatesValid", "Unknown", "Undecided")
    assert "exceeded quota: none" in told["message"]
    operator.wait(lambda: [event for event in operator.list("events") if event["reason"] == "FailedCreate"], "an event")
    quota["spec"]["hard"]["pods"] = "2"
    cluster.apply(quota)
    operator.wait_pods(2)
    operator.kubectl("delete", "resourcequota", "none")
    operator.wait_pods(3)
    operator.wait_condition("TemplatesValid", "True")


def restricted_and_guaranteed(namespace):
    """The example as a careful cluster wants it."""
    manifest = pddeployment("qwen", namespace)
    for role in ("scheduler", "prefill", "decode"):
        pod = manifest["spec"][role]["template"]["spec"]
        pod["securityContext"] = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
        amounts = {"cpu": "100m", "memory": "64Mi"}
        pod["containers"][0].update(resources={"requests": amounts, "limits": amounts}, securityContext={
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}})
    return manifest


def test_a_guaranteed_pod_stays_so_and_is_admitted_where_security_and_quota_are_strict(cluster, operator):
    cluster.kubectl("label", "namespace", operator.namespace, "pod-security.kubernetes.io/enforce=restricted")
    hard = {"pods": "3", "requests.cpu": "1", "limits.cpu": "1", "requests.memory": "1Gi", "limits.memory": "1Gi",
            f"requests.{NPU}": "4"}
    cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all", "namespace": operator.namespace},
                   "spec": {"hard": hard}})
    operator.kubectl("wait", "--for=jsonpath={.status.hard.pods}=3", "resourcequota/all", "--timeout=30s")
    cluster.apply(restricted_and_guaranteed(operator.namespace))
    pods = operator.wait_pods(3)
    for pod in pods:
        gates = [container["name"] for container in pod["spec"]["initContainers"]]
        assert gates == ["pd-gate-watch", "pd-gate-wait"]
        assert pod["status"]["qosClass"] == "Guaranteed"
    npus = [pod["spec"]["containers"][0]["resources"]["limits"].get(NPU, "0") for pod in pods]
    assert sorted(npus) == ["0", "2", "2"]
    operator.wait_condition("TemplatesValid", "True")
    assert not [event for event in operator.list("events") if event["reason"] == "FailedCreate"]
