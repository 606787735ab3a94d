"""The API server accepts right PDDeployments, fills in the documented defaults, and says of wrong ones what is wrong."""
import copy
import json

import pytest
from live_cluster import ROOT

POD = {"spec": {"containers": [{"name": "engine", "image": "engine"}]}}
DEPLOYMENT = {
    "apiVersion": "pd-operator.io/v1alpha1",
    "kind": "PDDeployment",
    "metadata": {"name": "qwen"},
    "spec": {
        "scheduler": {"template": POD},
        "prefill": {"instances": 2, "npusPerPod": 2, "template": POD},
        "decode": {"instances": 1, "npusPerPod": 2, "template": POD},
    },
}
ABSENT = object()


def changed(changes, base=DEPLOYMENT):
    """A copy of base with members set (or removed, where ABSENT) by dotted path."""
    result = copy.deepcopy(base)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return result


REFUSED = [
    ("negative instances", {"spec.prefill.instances": -1}, "spec.prefill.instances", "greater than or equal to 0"),
    ("instances missing", {"spec.decode.instances": ABSENT}, "spec.decode.instances: Required value"),
    ("no NPUs", {"spec.prefill.npusPerPod": 0}, "spec.prefill.npusPerPod", "greater than or equal to 1"),
    ("no template", {"spec.prefill.template": ABSENT}, "spec.prefill: Invalid value", "a template for the pods is needed"),
    ("scheduler without template", {"spec.scheduler": {}}, "spec.scheduler: Invalid", "a template for the pods is needed"),
    ("template without spec", {"spec.decode.template": {}}, "spec.decode.template.spec: Required value"),
    ("template without containers", {"spec.decode.template": {"spec": {}}}, "spec.decode.template.spec.containers: Required"),
    ("template and adopt", {"spec.prefill.adopt": {}}, "template and adopt exclude each other"),
    ("adopt several pods, no label", {"spec.ranktable.profile": "OmniK8s", "spec.prefill.podsPerInstance": 2,
     "spec.prefill.adopt": {}, "spec.prefill.template": ABSENT}, "spec.prefill.adopt", "instanceLabel is needed"),
    ("scheduler.instances", {"spec.scheduler.instances": 2}, 'unknown field "spec.scheduler.instances"'),
    ("unknown field", {"spec.prefill.replicas": 2}, 'unknown field "spec.prefill.replicas"'),
    ("no scheduler", {"spec.scheduler": ABSENT}, "spec.scheduler: Required value"),
    ("no prefill", {"spec.prefill": ABSENT}, "spec.prefill: Required value"),
    ("no decode", {"spec.decode": ABSENT}, "spec.decode: Required value"),
    ("unknown profile", {"spec.ranktable.profile": "Mindie"}, 'Unsupported value: "Mindie"', '"AscendCloud", "PerInstance", "OmniK8s"'),
    ("unknown publish policy", {"spec.ranktable.publishPolicy": "Soon"}, 'Unsupported value: "Soon"'),
    ("name with dots", {"metadata.name": "qwen.2.5"}, "metadata.name must begin with a letter", "no dots"),
    ("name begins with a digit", {"metadata.name": "2qwen"}, "metadata.name must begin with a letter"),
    ("name too long", {"metadata.name": "q" * 41}, "metadata.name must have at most 40 characters"),
    ("several pods, AscendCloud", {"spec.decode.podsPerInstance": 2}, "spec.decode.podsPerInstance", "one pod per instance"),
    ("OmniK8s with HostIP", {"spec.ranktable": {"profile": "OmniK8s", "serverAddress": "HostIP"}},
     "spec.ranktable.serverAddress", "set serverAddress to PodIP"),
    ("relative mountPath", {"spec.ranktable.mountPath": "tables"}, "mountPath must be absolute"),
    ("mountPath with ..", {"spec.ranktable.mountPath": "/etc/../root"}, "mountPath must not contain '..'"),
    ("gate port too high", {"spec.gate.port": 70000}, "spec.gate.port", "less than or equal to 65535"),
    ("gate port is privileged", {"spec.gate.port": 80}, "spec.gate.port", "greater than or equal to 1024"),
    ("reload without port", {"spec.decode.reload": {"http": {}}}, "spec.decode.reload.http.port: Required value"),
    ("maxUnavailable 0", {"spec.prefill.rollingUpdate.maxUnavailable": 0}, "maxUnavailable must be a number of at least 1"),
    ("maxUnavailable 0%", {"spec.prefill.rollingUpdate.maxUnavailable": "0%"}, "maxUnavailable must be a number of at least 1"),
    ("maxUnavailable 120%", {"spec.prefill.rollingUpdate.maxUnavailable": "120%"}, "from 1% to 100%"),
    ("maxUnavailable a word", {"spec.prefill.rollingUpdate.maxUnavailable": "all"}, "from 1% to 100%"),
    ("back-off beyond its maximum", {"spec.prefill.restart.backoffSeconds": 900}, "backoffSeconds must not exceed"),
    ("budget as a percentage", {"spec.prefill.podDisruptionBudget.minAvailable": "50%"}, "must be of type integer"),
    ("no resource names", {"spec.resourceNames": []}, "spec.resourceNames", "should have at least 1 items"),
    ("resource name without domain", {"spec.resourceNames": ["npu"]}, "spec.resourceNames[0]"),
]

ACCEPTED = [
    ("a role of 0 instances", {"spec.prefill.instances": 0}),
    ("maxUnavailable in percent", {"spec.prefill.rollingUpdate.maxUnavailable": "25%"}),
    ("a role that adopts", {"spec.prefill.template": ABSENT, "spec.prefill.adopt": {}}),
    ("a scheduler that is adopted", {"spec.scheduler": {"adopt": {}}}),
    ("adopted instances of several pods", {"spec.ranktable.profile": "PerInstance", "spec.prefill.podsPerInstance": 4,
     "spec.prefill.template": ABSENT, "spec.prefill.adopt": {"instanceLabel": "leaderworkerset.sigs.k8s.io/group-index"}}),
    ("a name of 40 characters", {"metadata.name": "q" * 40}),
    ("gate resources", {"spec.gate.resources": {"limits": {"cpu": "10m", "memory": "16Mi"}, "requests": {"cpu": 1}}}),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_refuses(cluster, case):
    _, changes, *words = case
    answer = cluster.apply(changed(changes), "--dry-run=server", check=False)
    assert answer.returncode != 0, answer.stdout
    for word in words:
        assert word in answer.stderr


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case[0])
def test_accepts(cluster, case):
    cluster.apply(changed(case[1]), "--dry-run=server")


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_accepts_each_example(cluster, example):
    cluster.apply(example, "--dry-run=server")


def test_fills_in_the_documented_defaults(cluster):
    spec = json.loads(cluster.apply(DEPLOYMENT, "--dry-run=server", "-o", "json").stdout)["spec"]
    assert spec["ranktable"] == {
        "profile": "AscendCloud", "publishPolicy": "Complete", "lostGraceSeconds": 30, "serverAddress": "PodIP",
        "serverID": "Auto", "requireLinkUp": False, "mountPath": "/etc/pd-operator/ranktable"}
    assert spec["resourceNames"] == ["huawei.com/Ascend910", "huawei.com/ascend-1980"]
    assert spec["gate"] == {"enabled": True, "sidecar": True, "timeoutSeconds": 600, "port": 8089}
    assert spec["paused"] is False
    role_defaults = {
        "podsPerInstance": 1, "onPeerChange": "Reload", "rollingUpdate": {"maxUnavailable": 1},
        "restart": {"backoffSeconds": 10, "maxBackoffSeconds": 600}, "podReplacementPolicy": "TerminatingOrFailed"}
    for role in ("prefill", "decode"):
        assert spec[role] == DEPLOYMENT["spec"][role] | role_defaults
    assert spec["scheduler"] == DEPLOYMENT["spec"]["scheduler"]
    reload = changed({"spec.decode.reload": {"http": {"port": 8000}}, "spec.decode.restart": {"maxBackoffSeconds": 60}})
    decode = json.loads(cluster.apply(reload, "--dry-run=server", "-o", "json").stdout)["spec"]["decode"]
    assert decode["reload"] == {"http": {"port": 8000, "path": "/reload"}}
    assert decode["restart"] == {"backoffSeconds": 10, "maxBackoffSeconds": 60}


def test_keeps_unknown_fields_of_templates(cluster):
    pod = {"metadata": {"annotations": {"a": "b"}}, "spec": {"containers": [], "schedulerName": "volcano", "newField": [1]}}
    stored = cluster.apply(changed({"spec.decode.template": pod}), "--dry-run=server", "-o", "json").stdout
    assert json.loads(stored)["spec"]["decode"]["template"] == pod


@pytest.fixture
def stored(cluster):
    cluster.apply(DEPLOYMENT)
    yield DEPLOYMENT
    cluster.kubectl("delete", "pdd", "qwen", "--wait=false")


def test_template_and_adopt_cant_be_exchanged(cluster, stored):
    for role in ("scheduler", "prefill"):
        adopting = {f"spec.{role}.adopt": {}, f"spec.{role}.template": ABSENT}
        answer = cluster.apply(changed(adopting), "--dry-run=server", check=False)
        assert "can't be exchanged in a living deployment" in answer.stderr


def test_status_is_a_subresource_and_shown_in_columns(cluster, stored):
    status = {
        "observedGeneration": 1,
        "ranktable": {"configMap": "qwen-ranktable", "state": "Completed", "generation": 7, "npus": 6},
        "prefill": {"summary": "2/2"}, "decode": {"summary": "0/1"},
        "conditions": [{"type": "Ready", "status": "False", "reason": "InstanceLost", "message": "decode-0 is lost.",
                        "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }
    cluster.kubectl("patch", "pdd", "qwen", "--type=merge", "--subresource=status", "-p", json.dumps({"status": status}))
    cluster.kubectl("patch", "pdd", "qwen", "--type=merge", "-p", json.dumps({"status": {"observedGeneration": 9}}))
    assert cluster.get("pdd", "qwen")["status"] == status
    header, row = cluster.kubectl("get", "pdd", "-o", "wide").stdout.splitlines()
    assert header.split() == "NAME TABLE GEN PREFILL DECODE READY AGE PROFILE NPUS CONFIGMAP MESSAGE".split()
    assert row.split()[:6] == ["qwen", "Completed", "7", "2/2", "0/1", "False"]
    assert row.split()[7:10] == ["AscendCloud", "6", "qwen-ranktable"] and row.endswith("decode-0 is lost.")


def test_every_field_is_described(cluster):
    crd = cluster.get("crd", "pddeployments.pd-operator.io")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def undescribed(fields, path):
        for name, field in fields.get("properties", {}).items():
            if "description" not in field and (path or name != "metadata"):
                yield f"{path}.{name}"
            yield from undescribed(field, f"{path}.{name}")
            yield from undescribed(field.get("items", {}), f"{path}.{name}[]")

    assert list(undescribed(schema, "")) == []
