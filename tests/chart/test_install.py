"""Install, test, upgrade, roll back and uninstall, by both Helms, while a deployment serves: no pod of it restarts and no table
changes."""
import shutil

import chart
import pytest
import yaml
from chart_system import PRIVILEGED
from life import restarts
from manifests import pddeployment
from pd_system import NODES

SPACE = ("-n", chart.NAMESPACE)
COLUMN = {"name": "Newer", "type": "string", "jsonPath": ".status.ranktable.state"}


def columns(system):
    crd = system.get("crd", "pddeployments.pd-operator.io")
    return [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]


@pytest.fixture
def newer(tmp_path):
    """The chart of a later version, whose CRD has a column more."""
    folder = tmp_path / "pd-operator"
    shutil.copytree(chart.CHART, folder)
    path = folder / "files" / "pddeployments.yaml"
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    crd["spec"]["versions"][0]["additionalPrinterColumns"].append(COLUMN)
    path.write_text(yaml.safe_dump(crd), encoding="utf-8")
    about = folder / "Chart.yaml"
    about.write_text(about.read_text(encoding="utf-8").replace("\nversion: ", "\nversion: 1"), encoding="utf-8")
    return folder


class Serving:
    """A deployment that must not notice."""

    def __init__(self, system, namespace):
        self.system, self.namespace = system, namespace
        system.apply(pddeployment("qwen", namespace))
        system.wait_settled("qwen", namespace, timeout=180)
        self.before = self.look()

    def look(self):
        pods = {pod["metadata"]["name"]: (pod["metadata"]["uid"], restarts(pod)) for pod in self.system.pods("qwen", namespace=self.namespace)}
        table = self.system.config_map("qwen", self.namespace)
        return pods, table["metadata"]["resourceVersion"], table["data"]

    def check_unmoved(self):
        assert self.look() == self.before

    def table_in_pod(self):
        return self.system.table(self.system.one_pod("qwen", "decode", self.namespace))


def release_uids(system, component):
    return {pod["metadata"]["uid"] for pod in system.release_pods(component) if "deletionTimestamp" not in pod["metadata"]}


def check_replaced(system, before):
    """Operator and agents are other pods than those, all Ready, and the deployment is still well."""
    for component, uids in before.items():
        now = system.until("pods", lambda _, component=component: release_uids(system, component), "-A", what=f"{component} pods")
        assert len(now) == 2 and not now & uids, component


def uids(system):
    return {component: release_uids(system, component) for component in ("operator", "agent")}


def check_installed(system):
    pods = system.release_pods()
    assert len(pods) == 4 and all(not restarts(pod) for pod in pods)
    check_found(system)


def check_found(system):
    for node in NODES:
        system.until("nodes", lambda _, node=node: system.node_annotation(node, "npu-allocations"), what="an agent's report")
        assert [device["id"] for device in system.node_annotation(node, "npu-inventory")["devices"]] == list(range(8))


def loses_a_pod(system, serving):
    """... and gets a new table: operator and agents do their work."""
    generation = system.generation("qwen", serving.namespace)
    system.kubectl("delete", "pod", system.one_pod("qwen", "prefill", serving.namespace)["metadata"]["name"], "-n", serving.namespace,
                   "--wait=false")
    system.until("configmaps", lambda _: system.generation("qwen", serving.namespace) > generation, "-n", serving.namespace, what="a table")
    system.wait_settled("qwen", serving.namespace, timeout=120)
    serving.before = serving.look()


def check_withdrawn(system):
    for node in NODES:
        assert not [key for key in system.get("node", node)["metadata"]["annotations"] if key.startswith("pd-operator.io/")]


def check_uninstalled(system):
    check_withdrawn(system)
    assert not system.release_pods("agent")
    system.until("pods", lambda _: not system.release_pods(), "-A", what="the operator's pods are gone")
    assert system.left_of_release() == []


@pytest.mark.parametrize("major", (3, 4))
def test_from_install_to_uninstall(cluster, namespace, newer, major):
    said = cluster.install_release(major=major).stdout
    assert "can't be pulled: it must have been given to each node" in said
    check_installed(cluster)
    tested = cluster.helm("test", chart.RELEASE, *SPACE, major=major)
    assert "may get, list, watch, create, patch, delete pods in all namespaces" in tested.stdout + tested.stderr
    serving = Serving(cluster, namespace)

    before = uids(cluster)
    assert "Newer" not in columns(cluster)
    cluster.helm("upgrade", chart.RELEASE, newer, *SPACE, "--reuse-values", "--set", "operator.workers=2", "--set",
                 "agent.intervals.probe=5", "--wait", "--timeout", "180s", major=major)
    check_replaced(cluster, before)
    assert "Newer" in columns(cluster)
    serving.check_unmoved()
    loses_a_pod(cluster, serving)

    before = uids(cluster)
    cluster.helm("rollback", chart.RELEASE, "1", *SPACE, "--wait", "--timeout", "180s", major=major)
    check_replaced(cluster, before)
    assert "Newer" not in columns(cluster)
    serving.check_unmoved()
    loses_a_pod(cluster, serving)

    table = serving.table_in_pod()
    cluster.helm("uninstall", chart.RELEASE, *SPACE, "--timeout", "300s", major=major)
    check_uninstalled(cluster)
    serving.check_unmoved()
    assert serving.table_in_pod() == table
    assert cluster.get("pdd", "qwen", "-n", namespace)["status"]["ranktable"]["state"] == "Completed"


def test_the_definition_goes_when_the_values_say_so(cluster, namespace):
    cluster.install_release("--set", "crds.keep=false")
    cluster.apply(pddeployment("qwen", namespace))
    cluster.wait_ready("qwen", namespace, timeout=180)
    cluster.helm("uninstall", chart.RELEASE, *SPACE, "--timeout", "300s")
    check_uninstalled(cluster)
    cluster.kubectl("wait", "--for=delete", "crd/pddeployments.pd-operator.io", "--timeout=60s")
    cluster.until("pods", lambda pods: not pods, "-n", namespace, what="its pods are gone with it")


def test_the_operator_of_some_namespaces_serves_no_other(cluster, namespace):
    other = f"{namespace}-other"
    cluster.create_namespace(other, "privileged")
    try:
        cluster.install_release("--set", f"watchNamespaces={{{namespace}}}")
        tested = cluster.helm("test", chart.RELEASE, *SPACE)
        assert f"may get, list, watch, create, patch, delete pods in namespace {namespace}" in tested.stdout + tested.stderr
        cluster.apply(pddeployment("qwen", other))
        cluster.apply(pddeployment("qwen", namespace))
        cluster.wait_ready("qwen", namespace, timeout=180)
        assert "status" not in cluster.get("pdd", "qwen", "-n", other)
    finally:
        cluster.helm("uninstall", chart.RELEASE, *SPACE, "--timeout", "300s")
        cluster.kubectl("delete", "namespace", other, "--wait=false")
    check_uninstalled(cluster)


@pytest.mark.parametrize("major", (3, 4))
def test_a_namespace_that_does_not_exist_is_refused_before_anything_is_made(cluster, namespace, major):
    def install(watched, check=True):
        return cluster.helm("upgrade", "--install", chart.RELEASE, chart.CHART, "-n", f"{namespace}-system", "--create-namespace", *chart.LAB,
                            *LIGHT, "--set", "crds.install=false", "--set", f"watchNamespaces={{{watched}}}", major=major, check=check)
    refused = install(f"{namespace},nosuch", check=False)
    assert refused.returncode != 0 and "there is no namespace nosuch: create it" in refused.stderr, refused.stderr
    assert cluster.left_of_release() == []
    try:
        install(f"{namespace},{namespace}-system")  # the latter is Helm's to make
        assert "there is no namespace nosuch" in install("nosuch", check=False).stderr
        listed = cluster.helm("history", chart.RELEASE, "-n", f"{namespace}-system", major=major).stdout
        assert listed.count("deployed") == 1 and "failed" not in listed, listed
    finally:
        cluster.helm("uninstall", chart.RELEASE, "-n", f"{namespace}-system", "--ignore-not-found", major=major)
        cluster.kubectl("delete", "namespace", f"{namespace}-system", "--wait=false", "--ignore-not-found")


def test_a_node_that_is_dead_holds_up_no_uninstall(cluster):
    """Its agent's pod stays in the list for ever, and even its container runs on: it can write nothing any more."""
    dead = NODES[1]
    cluster.install_release("--set", "operator.replicas=1")
    check_found(cluster)
    cluster.kill_process(f"{dead}-kubelet")
    try:
        cluster.kubectl("wait", "--for=condition=Ready=Unknown", f"node/{dead}", "--timeout=120s")
        cluster.helm("uninstall", chart.RELEASE, *SPACE)  # within Helm's own time
        assert [pod["spec"]["nodeName"] for pod in cluster.release_pods("agent")] == [dead]
        check_withdrawn(cluster)
        assert sorted(cluster.left_of_release()) == sorted(("Pod", pod["metadata"]["name"]) for pod in cluster.release_pods())
    finally:
        cluster.run("restart-kubelet", dead)
    cluster.until("pods", lambda _: not cluster.release_pods(), "-A", what="the pods are gone")
    check_withdrawn(cluster)


CRD = "pddeployments.pd-operator.io"
HELM_OWNS = (("label", "crd", CRD, "app.kubernetes.io/managed-by=Helm", "--overwrite"),
             ("annotate", "crd", CRD, "--overwrite", "meta.helm.sh/release-name=second", f"meta.helm.sh/release-namespace={chart.NAMESPACE}"))
# Helm 4 applies on the server, where the marks above are another's fields.
TAKE = {3: ("--take-ownership",), 4: ("--take-ownership", "--force-conflicts")}
LIGHT = ("--set", "operator.replicas=0", "--set", "agent.enabled=false")


@pytest.mark.parametrize("major", (3, 4))
def test_a_definition_that_was_kept_goes_to_a_release_of_another_name(cluster, major):
    """As the chart's README says: by marks on it, or by a flag."""
    def release(verb, name, *arguments, **options):
        return cluster.helm(verb, name, *((chart.CHART, *chart.LAB, *LIGHT) if verb == "install" else ()), *SPACE, *arguments, major=major, **options)
    release("install", "first", *TAKE[major])  # other tests have left it
    release("uninstall", "first")
    release("install", "first")
    release("uninstall", "first")
    refused = release("install", "second", check=False)
    assert refused.returncode != 0 and "first" in refused.stderr and "invalid ownership metadata" in refused.stderr, refused.stderr
    for command in HELM_OWNS:
        cluster.kubectl(*command)
    release("install", "second")
    release("uninstall", "second")
    release("install", chart.RELEASE, *TAKE[major])
    release("uninstall", chart.RELEASE)


def test_a_second_set_of_agents_is_refused(cluster):
    agents = ("--set", "operator.replicas=0", "--set", "crds.install=false", "--set", f"agent.namespace={PRIVILEGED}", *chart.LAB)
    cluster.helm("install", "first", chart.CHART, *SPACE, *agents)
    try:
        done = cluster.helm("install", "second", chart.CHART, *SPACE, *agents, check=False)
        assert done.returncode != 0 and chart.AGENT_POLICY in done.stderr, done.stderr
    finally:
        cluster.helm("uninstall", "first", *SPACE)
    assert cluster.kubectl("get", "daemonsets", "-A", "-o", "name").stdout == ""


def test_any_user_runs_it(cluster, namespace):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any", "namespace": namespace}, "spec": {
        "restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [
            {"name": program, "image": "localhost/pd-operator:dev", "imagePullPolicy": "Never", "command": [program, "--version"],
             "securityContext": {"runAsUser": 4242 + number, "runAsGroup": 77, "readOnlyRootFilesystem": True, "runAsNonRoot": True,
                                 "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
            for number, program in enumerate(("pd-operator", "pd-agent", "pd-gate", "pdctl"))]}}
    cluster.apply(pod)
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/any", "-n", namespace, "--timeout=60s")
