"""The chart's roles are exactly what the programs do: after a life with all that makes them ask, the audit log has no refusal, and
each verb that is granted."""
import json

import chart
import pytest
from audit import AuditLog
from chart_system import PRIVILEGED
from live_cluster import wait_for
from manifests import pddeployment
from role_use import Use, rules_for

OPERATOR = chart.OPERATOR_USER
# Asked by `pd-operator check`, which every identity may.
EVERYBODY = {("authorization.k8s.io", "selfsubjectaccessreviews", "create")}
# A streaming list is a watch. It takes the place of a list where the API server has it: 1.30 and 1.31 have not, nor has any before
# it has filled a cache.
BY_OLDER_SERVERS = {"list"}
FOREIGN = {
    ("", "configmaps"): {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "qwen-ranktable"}},
    ("", "services"): {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "qwen-pods"}, "spec": {"ports": [{"port": 1}]}},
    ("", "pods"): {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "qwen-prefill-0-0-1"}, "spec": {
        "terminationGracePeriodSeconds": 0, "containers": [{"name": "a", "image": "localhost/pause:1", "imagePullPolicy": "Never"}]}},
    ("policy", "poddisruptionbudgets"): {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "qwen-prefill"},
                                         "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}}


class Life:
    """Of one deployment, through what makes the operator use each of its permissions."""

    def __init__(self, system, namespace, log):
        self.system, self.namespace, self.log = system, namespace, log
        self.refusals = 0
        self.space = ("-n", namespace)
        self.manifest = json.loads(json.dumps(pddeployment("qwen", namespace)))
        self.manifest["spec"]["prefill"]["podDisruptionBudget"] = {"minAvailable": 1}

    def container(self, role):
        return self.manifest["spec"][role]["template"]["spec"]["containers"][0]

    def settle(self):
        self.system.apply(self.manifest)
        self.system.wait_settled("qwen", self.namespace, timeout=180)

    def find_names_taken(self):
        """It looks at each object that holds a name it needs, which then makes room."""
        for item in FOREIGN.values():
            item["metadata"]["namespace"] = self.namespace
            self.system.apply(item)
        self.system.apply(self.manifest)
        left = dict(FOREIGN)

        def make_room():
            looked_at = Use(self.log.read(), OPERATOR).done
            for what in [what for what in left if (*what, "get") in looked_at]:
                item = left.pop(what)
                self.system.kubectl("delete", item["kind"], item["metadata"]["name"], *self.space)
            return not left
        wait_for(make_room, 120, lambda: f"a look at {list(left)}")
        self.settle()

    def meet_a_quota(self):
        """A Service that is refused is told of by an event, and when that happens again by the event's series."""
        def told(found):
            return [one for one in found if one["reason"] == "FailedCreate" and (self.refusals == 1 or one.get("series"))]
        # Settled is said before the Service that made room has its successor.
        self.system.kubectl("wait", "--for=create", "service/qwen-pods", *self.space, "--timeout=120s")
        for self.refusals in (1, 2):
            self.system.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": self.namespace},
                               "spec": {"hard": {"services": "0"}}})
            self.system.kubectl("wait", "--for=jsonpath={.status.hard.services}=0", "resourcequota/none", *self.space, "--timeout=30s")
            self.system.kubectl("delete", "service", "qwen-pods", *self.space)
            self.system.until("events.events.k8s.io", told, *self.space, what="a refusal that is told", timeout=120)
            self.system.kubectl("delete", "resourcequota", "none", *self.space)
            self.system.kubectl("wait", "--for=create", "service/qwen-pods", *self.space, "--timeout=120s")
            self.settle()

    def change(self):
        self.container("scheduler")["ports"] = [{"name": "http", "containerPort": 8000}]
        self.manifest["spec"]["prefill"]["podDisruptionBudget"] = {"minAvailable": 0}
        self.settle()
        self.container("scheduler")["ports"].append({"name": "admin", "containerPort": 9000})
        self.settle()
        del self.container("scheduler")["ports"]
        self.manifest["spec"]["prefill"]["podDisruptionBudget"] = None
        self.settle()


MODES = {"cluster": (), "namespaces": ("--set", "watchNamespaces={roles}")}


@pytest.fixture(scope="module", params=MODES)
def lived(cluster, request):
    """How it was installed, and the audit log of that installation: as long as it was there, and to its end. An operator that is
    uninstalled gives its Lease away when its role has gone already, so only the job that withdraws is judged to the end."""
    arguments = MODES[request.param]
    log = AuditLog(cluster)
    log.read()
    log.entries.clear()
    # An earlier release's, which would have to be made no more.
    cluster.kubectl("delete", "lease", chart.RELEASE, "-n", chart.NAMESPACE, "--ignore-not-found")
    cluster.create_namespace("roles", "privileged")
    cluster.install_release(*arguments)
    try:
        life = Life(cluster, "roles", log)
        life.find_names_taken()
        life.meet_a_quota()
        life.change()
        cluster.helm("test", chart.RELEASE, "-n", chart.NAMESPACE)
        installed = list(log.read())
    finally:
        cluster.helm("uninstall", chart.RELEASE, "-n", chart.NAMESPACE, "--timeout", "300s")
        cluster.kubectl("delete", "namespace", "roles")
    return arguments, {"operator": installed, "agent": installed, "withdraw": log.read()}


ACCOUNTS = {"operator": (chart.NAMESPACE, chart.RELEASE), "agent": (PRIVILEGED, chart.AGENT_ACCOUNT),
            "withdraw": (chart.NAMESPACE, chart.WITHDRAW_ACCOUNT)}


@pytest.mark.parametrize("who", ACCOUNTS)
def test_nothing_is_missing_and_nothing_unused(lived, who):
    namespace, account = ACCOUNTS[who]
    arguments, entries = lived
    rules = rules_for(chart.render("--set", f"agent.namespace={PRIVILEGED}", *arguments), account)
    use = Use(entries[who], f"system:serviceaccount:{namespace}:{account}")
    assert use.done and rules
    assert use.refused == []
    assert use.beyond(rules, EVERYBODY) == []
    assert [what for what in use.unused(rules) if not (who == "operator" and what[2] in BY_OLDER_SERVERS)] == []
