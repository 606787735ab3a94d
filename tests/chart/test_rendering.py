"""What can be said of the chart without a cluster: what Helm makes of it, and of values that are wrong."""
import itertools
import json
import re
import subprocess
import sys

import chart
import pytest
import yaml
from live_cluster import ROOT

VALUES = sorted(path for path in chart.CHART.glob("values-*.yaml"))
IMAGE = ("--set", "image.repository=localhost/pd-operator")
MAJORS = (3, 4)
EVERYTHING = ("--set", "monitoring.podMonitor.enabled=true", "--set", "monitoring.rules.enabled=true", "--set",
              "monitoring.dashboard.enabled=true", "--set", "networkPolicy.egress.enabled=true")
NAMESPACED = ("--set", "watchNamespaces={llm,other}")
UNPRIVILEGED = ("--set", "agent.source=node_annotation", "--set", "agent.ids=unknown", "--set", "agent.resourceNames={huawei.com/Ascend910}")


def pod_specs(items):
    for item in items:
        spec = item.get("spec", {})
        if item["kind"] == "Pod":
            yield item, spec
        elif item["kind"] in ("Deployment", "DaemonSet", "Job"):
            yield item, spec["template"]["spec"]


def is_restricted(spec):
    """Pod Security `restricted`, as far as pods of the chart can break it (test_install.py has the API server judge)."""
    containers = spec["containers"]
    return (spec["securityContext"].get("runAsNonRoot") is True and spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
            and not any("hostPath" in volume for volume in spec.get("volumes", ())) and all(
                container["securityContext"].get("allowPrivilegeEscalation") is False
                and container["securityContext"].get("capabilities") == {"drop": ["ALL"]}
                and container["securityContext"]["readOnlyRootFilesystem"] for container in containers))


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize("values", [None, *VALUES], ids=lambda path: path.stem if path else "values")
def test_lint(major, values):
    chosen = ("-f", values) if values else ()
    said = chart.helm("lint", "--strict", chart.CHART, *chosen, *IMAGE, *EVERYTHING, major=major).stdout
    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said and "[ERROR]" not in said, said


def test_both_helms_render_the_same():
    first, second = (chart.render(*EVERYTHING, *NAMESPACED, major=major) for major in MAJORS)
    key = lambda item: (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])  # noqa: E731
    assert sorted(first, key=key) == sorted(second, key=key)


def test_the_version_is_in_one_place():
    project = re.search(r"^project\(.* VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    said = yaml.safe_load((chart.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert (said["version"], said["appVersion"]) == (project, project)


def test_the_readme_is_that_of_the_values():
    subprocess.run([sys.executable, ROOT / "scripts" / "chart_readme.py", "--check"], check=True)


def test_the_schema_knows_each_value_and_no_other():
    def keys(schema, values, path=()):
        properties = schema.get("properties")
        if properties is None or not isinstance(values, dict):
            return
        assert schema.get("additionalProperties") is False, path
        assert set(properties) - {"global"} >= set(values), path
        if path != ("operator", "resources") and path != ("agent", "resources"):
            assert set(properties) - {"global"} == set(values), path
        for name, value in values.items():
            keys(properties[name], value, (*path, name))
    schema = json.loads((chart.CHART / "values.schema.json").read_text(encoding="utf-8"))
    keys(schema, yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8")))


REFUSED = {
    "a-word-that-is-none": ("operator.replica=3", "replica"),
    "a-number-that-is-text": ("operator.replicas=many", "operator/replicas|operator.replicas"),
    "a-source-that-is-none": ("agent.source=guess", "agent/source|agent.source"),
    "ids-that-are-none": ("agent.ids=maybe", "agent/ids|agent.ids"),
    "a-digest-that-is-a-tag": ("image.digest=v1", "image/digest|image.digest"),
    "a-tag-in-the-repository": ("image.repository=localhost/pd-operator@sha256", "image/repository|image.repository"),
    "a-namespace-that-is-none": ("watchNamespaces={A_B}", "watchNamespaces"),
    "no-resource": ("agent.resourceNames={npu}", "agent/resourceNames|agent.resourceNames"),
    "a-level-that-is-none": ("operator.logLevel=loud", "operator/logLevel|operator.logLevel"),
    "no-workers": ("operator.workers=0", "operator/workers|operator.workers"),
    "a-port-that-is-none": ("networkPolicy.egress.apiServerPorts={0}", "networkPolicy"),
    "no-time": ("withdraw.timeoutSeconds=0", "withdraw/timeoutSeconds|withdraw.timeoutSeconds"),
    "a-file-without-its-map": ("agent.source=static_file", "name the ConfigMap that has the devices"),
    "unknown-ids-of-two-resources": ("agent.ids=unknown", "must have the one resource"),
    "no-image": ("image.repository=", "say where the image of pd-operator is"),
}


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize("what", REFUSED)
def test_wrong_values_are_refused(major, what):
    value, named = REFUSED[what]
    done = chart.helm("template", "x", chart.CHART, *IMAGE, "--set", value, major=major, check=False)
    assert done.returncode != 0
    assert re.search(named, done.stderr), done.stderr


@pytest.mark.parametrize("arguments", [(), NAMESPACED, EVERYTHING], ids=["cluster", "namespaces", "everything"])
def test_all_but_the_agents_are_restricted(arguments):
    kinds = {item["kind"] for item, spec in pod_specs(chart.render(*arguments)) if is_restricted(spec)}
    assert kinds == {"Deployment", "Job", "Pod"}


@pytest.mark.parametrize("source,ids,privileged,root", [
    ("auto", "real", True, True), ("hccn_tool", "unknown", True, True), ("hccn_conf", "real", False, True),
    ("node_annotation", "remapped", False, True), ("node_annotation", "unknown", False, False)])
def test_an_agent_may_what_its_source_needs(source, ids, privileged, root):
    items = chart.render("--set", f"agent.source={source}", "--set", f"agent.ids={ids}", "--set",
                         "agent.resourceNames={huawei.com/Ascend910}")
    (spec,) = [spec for item, spec in pod_specs(items) if item["kind"] == "DaemonSet"]
    (container,) = spec["containers"]
    assert container["securityContext"].get("privileged", False) == privileged
    assert (spec["securityContext"].get("runAsUser") == 0) == root
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert privileged or container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert all(mount["readOnly"] for mount in container.get("volumeMounts", ()))
    assert is_restricted(spec) != root
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


def test_a_token_is_mounted_only_where_it_is_used():
    items = chart.render()
    assert all(item["automountServiceAccountToken"] is False for item in items if item["kind"] == "ServiceAccount")
    assert all(spec["automountServiceAccountToken"] is True for _, spec in pod_specs(items))


def test_a_digest_pins_operator_agent_and_gate():
    digest = "sha256:" + "0" * 64
    items = chart.render("--set", f"image.digest={digest}")
    images = [container["image"] for _, spec in pod_specs(items) for container in spec["containers"]]
    assert set(images) == {f"localhost/pd-operator@{digest}"}
    (arguments,) = [spec["containers"][0]["args"] for item, spec in pod_specs(items) if item["kind"] == "Deployment"]
    assert f"--gate-image=localhost/pd-operator@{digest}" in arguments


def test_no_role_reaches_secrets_or_everything():
    for item in itertools.chain(chart.render(), chart.render(*NAMESPACED)):
        for rule in item.get("rules", ()):
            assert "secrets" not in rule["resources"] and "*" not in rule["resources"] + rule["verbs"] + rule["apiGroups"]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


def test_with_namespaces_only_nodes_are_read_in_the_whole_cluster():
    items = chart.render(*NAMESPACED, "--set", "agent.enabled=false", "--set", "crds.install=false")
    cluster_wide = [item for item in items if item["kind"] == "ClusterRole"]
    assert [item["rules"] for item in cluster_wide] == [[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]]
    assert {item["metadata"]["namespace"] for item in items if item["kind"] == "Role"} == {"llm", "other", chart.NAMESPACE}
    (arguments,) = [spec["containers"][0]["args"] for item, spec in pod_specs(items) if item["kind"] == "Deployment"]
    assert "--namespace=llm,other" in arguments


def test_agents_of_their_own_namespace():
    items = chart.render("--set", "agent.namespace=pd-agents")
    (policy,) = [item for item in items if item["kind"] == "ValidatingAdmissionPolicy" and chart.component(item) == "agent"]
    assert "system:serviceaccount:pd-agents:pd-operator-agent" in policy["spec"]["matchConditions"][0]["expression"]
    (job,) = [item for item in items if item["kind"] == "Job"]
    assert job["metadata"]["namespace"] == chart.NAMESPACE
    assert "--namespace=pd-agents" in job["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize("keep", [True, False])
def test_the_definition_is_upgraded_and_kept_as_the_values_say(keep):
    (crd,) = [item for item in chart.render("--set", f"crds.keep={str(keep).lower()}") if item["kind"] == "CustomResourceDefinition"]
    assert ("helm.sh/resource-policy" in crd["metadata"].get("annotations", {})) == keep
    del crd["metadata"]["labels"]
    crd["metadata"].pop("annotations", None)
    assert crd == yaml.safe_load(chart.CRD.read_text(encoding="utf-8"))
    assert not [item for item in chart.render("--set", "crds.install=false") if item["kind"] == "CustomResourceDefinition"]


def test_alerts_and_dashboard_ask_for_metrics_that_there_are():
    described = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    known = set(re.findall(r"`((?:pd_|leader_|process_|rest_client_|controller_runtime_|workqueue_)\w+)", described))
    for row in re.findall(r"^\| (`[^|]*`) \|", described, re.MULTILINE):
        names = re.findall(r"`(\w+)`", row)
        known |= {names[0].rsplit("_", count)[0] + name for name in names[1:] if name.startswith("_") for count in range(1, names[0].count("_") + 1)}
    asked = "\n".join((chart.CHART / "files" / name).read_text(encoding="utf-8") for name in ("alerts.yaml", "dashboard.json"))
    names = {name.removesuffix("_bucket") for name in
             re.findall(r"\b(?:pd_operator|pd_agent|leader_election|process|rest_client|controller_runtime|workqueue)_\w+", asked)}
    assert names, "there are some"
    assert names <= known, names - known
