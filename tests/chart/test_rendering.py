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
    assert f"\nARG VERSION={project}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_docker_gets_nothing_that_was_built_here():
    """CMake refuses a cache that was made in another folder."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"build/", ".git/"} <= set(ignored)
    made = [line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()]
    assert all(any(line.rstrip("/").rsplit("/", 1)[-1] == name for line in ignored) for name in made)


def test_the_readme_is_that_of_the_values():
    subprocess.run([sys.executable, ROOT / "scripts" / "chart_readme.py", "--check"], check=True)


def test_the_schema_knows_each_value_and_no_other():
    def keys(schema, values, path=()):
        properties = schema.get("properties")
        if properties is None or not isinstance(values, dict):
            return
        assert schema.get("additionalProperties") is False, path
        # Both are for charts that have this one as a dependency.
        own = set(properties) - ({"global", "enabled"} if path == () else set())
        assert own >= set(values), path
        if path != ("operator", "resources") and path != ("agent", "resources"):
            assert own == set(values), path
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
    "a-digest-in-the-repository": ("image.repository=localhost/pd-operator@sha256", "image/repository|image.repository"),
    "a-tag-in-the-repository": ("image.repository=registry:5000/pd-operator:v1", "image/repository|image.repository"),
    "a-repository-that-ends-too-early": ("image.repository=localhost/", "image/repository|image.repository"),
    "a-namespace-that-is-none": ("watchNamespaces={A_B}", "watchNamespaces"),
    "no-resource": ("agent.resourceNames={npu}", "agent/resourceNames|agent.resourceNames"),
    "a-level-that-is-none": ("operator.logLevel=loud", "operator/logLevel|operator.logLevel"),
    "no-workers": ("operator.workers=0", "operator/workers|operator.workers"),
    "a-port-that-is-none": ("networkPolicy.egress.apiServerPorts={0}", "networkPolicy"),
    "no-time": ("withdraw.timeoutSeconds=0", "withdraw/timeoutSeconds|withdraw.timeoutSeconds"),
    "a-file-without-its-map": ("agent.source=static_file", "name the ConfigMap that has the devices"),
    "a-source-without-its-file": ("agent.source=hccn_conf", "agent.hostPaths.hccnConf is empty"),
    "a-lease-that-is-too-short": ("operator.leaderElection.leaseDuration=10s", r"leaseDuration \(10s\) must be longer than renewDeadline"),
    "a-deadline-that-is-longer": ("operator.leaderElection.renewDeadline=1m", r"leaseDuration \(15s\) must be longer than renewDeadline \(1m\)"),
    "retries-that-are-too-rare": ("operator.leaderElection.retryPeriod=9s", "longer than 1.2 times retryPeriod"),
    "ports-that-are-reversed": ("networkPolicy.egress.gatePorts={9000,8089}", r"the first \(9000\) is greater"),
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
    assert "templates/withdraw/" not in done.stderr, "a template that has nothing to do with it"


@pytest.mark.parametrize("arguments", [(), NAMESPACED, EVERYTHING], ids=["cluster", "namespaces", "everything"])
def test_all_but_the_agents_are_restricted(arguments):
    kinds = {item["kind"] for item, spec in pod_specs(chart.render(*arguments)) if is_restricted(spec)}
    assert kinds == {"Deployment", "Job", "Pod"}


def agent_spec(*arguments):
    (spec,) = [spec for item, spec in pod_specs(chart.render(*arguments)) if item["kind"] == "DaemonSet"]
    return spec


def mounted(spec):
    """Host path of each folder in the agent's container."""
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec.get("volumes", ()) if "hostPath" in volume}
    return {mount["mountPath"]: paths.get(mount["name"]) for mount in spec["containers"][0].get("volumeMounts", ())}


@pytest.mark.parametrize("source,ids,privileged,root", [
    ("auto", "real", True, True), ("hccn_tool", "unknown", True, True), ("hccn_conf", "real", False, True),
    ("node_annotation", "remapped", False, True), ("node_annotation", "unknown", False, False)])
def test_an_agent_may_what_its_source_needs(source, ids, privileged, root):
    spec = agent_spec("--set", f"agent.source={source}", "--set", f"agent.ids={ids}", "--set",
                      "agent.resourceNames={huawei.com/Ascend910}")
    (container,) = spec["containers"]
    assert container["securityContext"].get("privileged", False) == privileged
    assert (spec["securityContext"].get("runAsUser") == 0) == root
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert privileged or container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert all(mount["readOnly"] for mount in container.get("volumeMounts", ()))
    assert is_restricted(spec) != root
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


@pytest.mark.parametrize("ids,is_told", [("real", True), ("unknown", False)])
def test_an_agent_that_asks_kubelet_is_told_its_own_pod(ids, is_told):
    (container,) = agent_spec("--set", f"agent.ids={ids}", "--set", "agent.resourceNames={huawei.com/Ascend910}")["containers"]
    fields = {variable["name"]: variable["valueFrom"]["fieldRef"]["fieldPath"] for variable in container["env"] if "valueFrom" in variable}
    own = {"POD_NAMESPACE": "metadata.namespace", "POD_NAME": "metadata.name"} if is_told else {}
    assert fields == {"NODE_NAME": "spec.nodeName", **own}
    assert ("--own-pod=$(POD_NAMESPACE)/$(POD_NAME)" in container["args"]) == is_told


LIKE_A_NODE = ("--set", "agent.hostPaths.hccnConf=", "--set", "agent.hostPaths.dcmi=/usr/local/dcmi")  # and not as in the lab
KUBELETS = {"/var/lib/kubelet/pod-resources", "/var/lib/kubelet/device-plugins", "/var/log/pods"}
DRIVERS = {"/usr/local/Ascend/driver", "/usr/local/dcmi", "/dev"}


@pytest.mark.parametrize("source,ids,paths", [
    ("auto", "real", DRIVERS | KUBELETS), ("hccn_tool", "real", DRIVERS | KUBELETS), ("hccn_tool", "unknown", DRIVERS),
    ("node_annotation", "real", KUBELETS), ("node_annotation", "unknown", set())])
def test_what_is_mounted_is_what_the_source_reads(source, ids, paths):
    spec = agent_spec(*LIKE_A_NODE, "--set", f"agent.source={source}", "--set", f"agent.ids={ids}", "--set",
                      "agent.resourceNames={huawei.com/Ascend910}")
    assert mounted(spec) == {path: path for path in paths}
    # kubelet would make a file in /dev otherwise, where nothing can be made.
    assert spec["containers"][0].get("terminationMessagePath", "/dev/").startswith("/dev/") == ("/dev" not in paths)


def test_a_file_that_is_missing_keeps_no_agent_away_unless_it_was_asked_for():
    def files(*arguments):
        return [volume["hostPath"] for volume in agent_spec(*LIKE_A_NODE, *arguments)["volumes"] if volume["hostPath"]["type"] == "File"]
    assert files() == []
    conf = {"path": "/srv/hccn.conf", "type": "File"}
    assert files("--set", "agent.hostPaths.hccnConf=/srv/hccn.conf") == [conf]
    assert files("--set", "agent.source=hccn_conf", "--set", "agent.hostPaths.hccnConf=/srv/hccn.conf") == [conf]
    assert files("--set", "agent.source=node_annotation", "--set", "agent.hostPaths.hccnConf=/srv/hccn.conf") == []


def test_other_host_paths():
    spec = agent_spec(*LIKE_A_NODE, "--set", "agent.hostPaths.dev=", "--set", "agent.hostPaths.dcmi=", "--set",
                      "agent.hostPaths.kubelet=/data/kubelet")
    assert mounted(spec) == {"/usr/local/Ascend/driver": "/usr/local/Ascend/driver", "/var/log/pods": "/var/log/pods",
                             "/var/lib/kubelet/pod-resources": "/data/kubelet/pod-resources",
                             "/var/lib/kubelet/device-plugins": "/var/lib/kubelet/device-plugins"}


@pytest.mark.parametrize("arguments", [(), UNPRIVILEGED], ids=["with-others", "alone"])
def test_more_volumes_of_the_agent(arguments):
    volumes = [{"name": "more", "hostPath": {"path": "/opt/more"}}]
    mounts = [{"name": "more", "mountPath": "/more", "readOnly": True}]
    spec = agent_spec(*arguments, "--set-json", f"agent.extraVolumes={json.dumps(volumes)}", "--set-json",
                      f"agent.extraVolumeMounts={json.dumps(mounts)}")
    assert mounted(spec)["/more"] == "/opt/more"


def test_the_drivers_libraries_are_those_of_its_tools_alone():
    names = [one["name"] for one in agent_spec()["containers"][0]["env"]]
    assert "TOOL_LIBRARY_PATH" in names and "LD_LIBRARY_PATH" not in names


def test_two_sets_of_agents_meet_at_a_name_that_does_not_depend_on_the_release():
    """Helm refuses to install an object that another release has (test_install.py)."""
    def fixed(*arguments):
        said = chart.helm("template", *arguments, chart.CHART, "-n", "other", *IMAGE).stdout
        return [(item["kind"], item["metadata"]["name"]) for item in yaml.safe_load_all(said)
                if item and item["metadata"]["name"] == chart.AGENT_POLICY]
    assert fixed("a") == fixed("b", "--set", "fullnameOverride=c") != []
    assert fixed("a", "--set", "agent.enabled=false") == []


def test_the_account_that_withdraws_is_never_there_without_its_policy():
    """Hooks are made by rising weight, and removed the other way round."""
    hooks = {item["kind"]: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in chart.render()
             if chart.component(item) == "withdraw"}
    assert hooks["ValidatingAdmissionPolicy"] == hooks["ValidatingAdmissionPolicyBinding"] < hooks["ServiceAccount"]
    assert hooks["ServiceAccount"] == hooks["Role"] == hooks["RoleBinding"] < hooks["ClusterRole"] == hooks["ClusterRoleBinding"] < hooks["Job"]


def test_the_withdraw_job_ends_before_helm_does():
    (job,) = [item for item in chart.render() if item["kind"] == "Job"]
    waits = yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8"))["withdraw"]["timeoutSeconds"]
    assert (job["spec"]["backoffLimit"] + 1) * waits < job["spec"]["activeDeadlineSeconds"] < 300
    assert f"--timeout={waits}" in job["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize("arguments", [(), NAMESPACED], ids=["cluster", "namespaces"])
def test_without_roles_there_are_none_for_the_job_either(arguments):
    kinds = {item["kind"] for item in chart.render(*arguments, "--set", "rbac.create=false")}
    assert not {kind for kind in kinds if "Role" in kind} and {"ServiceAccount", "Job"} <= kinds


def test_a_release_without_an_operator():
    items = chart.render(*EVERYTHING, "--set", "operator.replicas=0")
    kinds = [item["kind"] for item in items]
    assert not {"Pod", "PodDisruptionBudget", "FlowSchema"} & set(kinds) and {"DaemonSet", "CustomResourceDefinition"} <= set(kinds)
    (rule,) = [item for item in items if item["kind"] == "PrometheusRule"]
    assert [group["name"] for group in rule["spec"]["groups"]] == ["pd-agent"], "nobody is missed who should not be there"
    (rule,) = [item for item in chart.render(*EVERYTHING, "--set", "agent.enabled=false") if item["kind"] == "PrometheusRule"]
    assert [group["name"] for group in rule["spec"]["groups"]] == ["pd-operator"]


def test_alerts_are_about_this_release():
    items = chart.render(*EVERYTHING, "--set", "agent.namespace=pd-agents")
    (rule,) = [item for item in items if item["kind"] == "PrometheusRule"]
    metric = r"\b(?:pd|leader|controller)_[a-z_]+(?!\w)"
    for group, namespace in zip(rule["spec"]["groups"], (chart.NAMESPACE, "pd-agents"), strict=True):
        for alert in group["rules"]:
            asked = re.findall(rf"{metric}(\{{[^}}]*\}})?", alert["expr"])
            assert asked and all(f'namespace="{namespace}"' in labels for labels in asked), alert["expr"]
            assert "@" not in alert["expr"]


@pytest.mark.parametrize("major", MAJORS)
def test_names_that_look_like_numbers(major):
    said = chart.helm("template", "123", chart.CHART, "-n", "456", *IMAGE, *EVERYTHING, "--set-string", "watchNamespaces={789}", "--set-string",
                      "agent.namespace=12,operator.serviceAccount.name=34,agent.serviceAccount.name=56", major=major).stdout
    def check(value, key=None):
        if isinstance(value, dict):
            for name, one in value.items():
                check(one, name)
                if name in ("labels", "matchLabels", "annotations"):
                    assert all(isinstance(text, str) for text in one.values()), one
        elif isinstance(value, list):
            for one in value:
                check(one, key)
        elif key in ("name", "namespace", "namespaces", "serviceAccountName"):
            assert isinstance(value, str), (key, value)
    for item in yaml.safe_load_all(said):
        if item and item["kind"] != "CustomResourceDefinition":
            check(item)


def test_each_pod_that_asks_the_api_server_gets_there_when_egress_is_restricted():
    items = chart.render("--set", "networkPolicy.egress.enabled=true", "--set", "agent.namespace=pd-agents")
    policies = [item for item in items if item["kind"] == "NetworkPolicy"]
    pods = [(item["metadata"]["namespace"], item["spec"].get("template", item)["metadata"]["labels"]) for item, _ in pod_specs(items)]
    assert len(pods) == 4
    for namespace, labels in pods:
        (policy,) = [one for one in policies if one["metadata"]["namespace"] == namespace
                     and one["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]
        ports = [(port["port"], port["protocol"]) for rule in policy["spec"]["egress"] for port in rule["ports"]]
        assert {(443, "TCP"), (6443, "TCP"), (53, "UDP"), (53, "TCP")} <= set(ports), policy["metadata"]["name"]
        assert ((8089, "TCP") in ports) == (labels["app.kubernetes.io/component"] == "operator")


def test_signs_of_life_have_a_priority_of_their_own():
    (schema,) = [item for item in chart.render() if item["kind"] == "FlowSchema"]
    (rule,) = schema["spec"]["rules"]
    assert rule["subjects"] == [{"kind": "ServiceAccount", "serviceAccount": {"name": chart.RELEASE, "namespace": chart.NAMESPACE}}]
    assert rule["resourceRules"] == [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"],
                                      "namespaces": [chart.NAMESPACE]}]
    assert schema["spec"]["priorityLevelConfiguration"] == {"name": "leader-election"}
    assert "FlowSchema" not in {item["kind"] for item in chart.render("--set", "operator.leaderElection.flowSchema=false")}


def test_a_pod_that_is_not_ready_holds_up_no_drain():
    (budget,) = [item for item in chart.render() if item["kind"] == "PodDisruptionBudget"]
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_pods_that_end_at_once_are_not_waited_for():
    short = {chart.component(item): spec["terminationGracePeriodSeconds"] for item, spec in pod_specs(chart.render()) if item["kind"] in ("Pod", "Job")}
    assert short == {"check": 5, "withdraw": 5}


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
