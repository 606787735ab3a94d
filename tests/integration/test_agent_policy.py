"""What a token of pd-agent's is good for, on the real API server: the annotations of its own Node and nothing else."""
import base64
import json

import chart
import pytest
from chart import AGENT_ACCOUNT as AGENT
from chart import AGENT_POLICY
from chart import WITHDRAW_ACCOUNT as WITHDRAW

OWN, OTHER = "policy-own", "policy-other"
INVENTORY = "pd-operator.io/npu-inventory"


def pod(name, account, node):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "pd-system"},
            "spec": {"serviceAccountName": account, "nodeName": node, "containers": [{"name": "main", "image": "localhost/none"}]}}


class Identity:
    """Somebody who holds a token and nothing else."""

    def __init__(self, cluster, token):
        self.cluster, self.token = cluster, token

    def kubectl(self, *arguments):
        # The admin's certificate would win over a token: a kubeconfig with the server alone.
        return self.cluster.run("exec", "--", "env", "KUBECONFIG=/dev/null", "kubectl", "--server", self.cluster.server,
                                "--certificate-authority", self.cluster.authority, "--token", self.token, *arguments, check=False)

    def patch(self, node, patch, *arguments):
        return self.kubectl("patch", "node", node, "--type=merge", "-p", json.dumps(patch), *arguments)


@pytest.fixture(scope="module")
def nodes(cluster, tmp_path_factory):
    cluster.kubectl("create", "namespace", "pd-system")
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", "pd-system", "--timeout=30s")
    cluster.apply(chart.node_policies())
    for name in (OWN, OTHER):
        node = {"apiVersion": "v1", "kind": "Node", "spec": {"taints": [{"key": "npu", "effect": "NoSchedule"}]}, "metadata": {
            "name": name, "labels": {"team": "a"}, "annotations": {"other.io/note": "keep", INVENTORY: "old"}}}
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(node))
    authority = tmp_path_factory.mktemp("ca") / "ca.crt"
    config = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json").stdout)["clusters"][0]["cluster"]
    authority.write_bytes(base64.b64decode(config["certificate-authority-data"]))
    cluster.server, cluster.authority = config["server"], str(authority)
    yield cluster
    cluster.kubectl("delete", "node", OWN, OTHER)
    cluster.kubectl("delete", "-f", "-", stdin=json.dumps(chart.node_policies()))
    cluster.kubectl("delete", "namespace", "pd-system", "--wait=false")


def token(cluster, account, *bound):
    return cluster.kubectl("create", "token", account, "-n", "pd-system", *bound).stdout.strip()


@pytest.fixture(scope="module")
def agent(nodes):
    """With the token that kubelet gives the agent's pod."""
    nodes.apply(pod("pd-agent-x", AGENT, OWN))
    identity = Identity(nodes, token(nodes, AGENT, "--bound-object-kind", "Pod", "--bound-object-name", "pd-agent-x"))
    # Until the policy is in force: a moment after it was created.
    for _ in range(300):
        if "may only" in identity.patch(OTHER, annotation("other.io/note", "probe"), "--dry-run=server").stderr:
            return identity
    raise TimeoutError("the policy does not come into force")


def annotation(key, value):
    return {"metadata": {"annotations": {key: value}}}


def annotations(cluster, node):
    """Without those of Kubernetes' own controllers."""
    found = cluster.get("node", node)["metadata"]["annotations"]
    return {key: value for key, value in found.items() if not key.startswith("node.alpha.kubernetes.io/")}


def test_the_agent_patches_its_own_annotations(agent, nodes):
    done = agent.patch(OWN, {"metadata": {"annotations": {INVENTORY: "new", "pd-operator.io/npu-allocations": "new"}}})
    assert done.returncode == 0, done.stderr
    assert annotations(nodes, OWN) == {"other.io/note": "keep", INVENTORY: "new", "pd-operator.io/npu-allocations": "new"}
    assert agent.patch(OWN, annotation("pd-operator.io/npu-allocations", None)).returncode == 0
    assert annotations(nodes, OWN) == {"other.io/note": "keep", INVENTORY: "new"}


REFUSED = {
    "another-node": (OTHER, annotation(INVENTORY, "forged")),
    "foreign-annotation-added": (OWN, annotation("kubectl.kubernetes.io/x", "y")),
    "foreign-annotation-changed": (OWN, annotation("other.io/note", "changed")),
    "foreign-annotation-removed": (OWN, annotation("other.io/note", None)),
    "all-annotations-removed": (OWN, {"metadata": {"annotations": None}}),
    "prefix-of-another": (OWN, annotation("pd-operator.io.evil/x", "y")),
    "label-added": (OWN, {"metadata": {"labels": {"role": "master"}}}),
    "label-removed": (OWN, {"metadata": {"labels": {"team": None}}}),
    "all-labels-removed": (OWN, {"metadata": {"labels": None}}),
    "taint-removed": (OWN, {"spec": {"taints": None}}),
    "taint-added": (OWN, {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}),
    "cordoned": (OWN, {"spec": {"unschedulable": True}}),
    "finalizer": (OWN, {"metadata": {"finalizers": ["pd-operator.io/x"]}}),
    "owner": (OWN, {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "b"}]}}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_agent_is_refused(agent, nodes, what):
    node, patch = REFUSED[what]
    done = agent.patch(node, patch)
    assert done.returncode != 0
    assert "pd-agent may " in done.stderr and f"ValidatingAdmissionPolicy '{AGENT_POLICY}'" in done.stderr, done.stderr


@pytest.mark.parametrize("arguments", [
    ("delete", "node", OWN), ("get", "nodes"), ("get", "pods", "-A"), ("get", "secrets", "-A"),
    ("patch", "node", OWN, "--subresource=status", "--type=merge", "-p", '{"status":{"capacity":{"a":"1"}}}')],
    ids=lambda arguments: "-".join(arguments[:3]))
def test_the_agent_may_not(agent, arguments):
    done = agent.kubectl(*arguments)
    assert done.returncode != 0
    assert "forbidden" in done.stderr.lower(), done.stderr


def test_a_token_without_a_node_is_worth_nothing(agent, nodes):
    unbound = Identity(nodes, token(nodes, AGENT))
    done = unbound.patch(OWN, annotation(INVENTORY, "forged"))
    assert done.returncode != 0
    assert "the token is of no pod on a node" in done.stderr


@pytest.fixture
def withdraw(nodes):
    """With permission to read a Node, too, as kubectl does before it patches one."""
    nodes.kubectl("create", "clusterrole", "policy-reader", "--verb=get", "--resource=nodes")
    nodes.kubectl("create", "clusterrolebinding", "policy-reader", "--clusterrole=policy-reader",
                  f"--serviceaccount=pd-system:{WITHDRAW}")
    yield Identity(nodes, token(nodes, WITHDRAW))
    nodes.kubectl("delete", "clusterrole/policy-reader", "clusterrolebinding/policy-reader")


def test_withdrawing_only_removes(agent, withdraw, nodes):
    for key, value in ((INVENTORY, "forged"), ("pd-operator.io/new", "x"), ("other.io/note", None)):
        done = withdraw.patch(OTHER, annotation(key, value))
        assert done.returncode != 0 and "may only" in done.stderr, done.stderr
    done = withdraw.patch(OTHER, annotation(INVENTORY, None))
    assert done.returncode == 0, done.stderr
    assert annotations(nodes, OTHER) == {"other.io/note": "keep"}
