"""What pdctl makes for the API server, and reads from it, against a real one."""
import itertools
import json
import subprocess
import threading

import pytest
from live_cluster import PROGRAMS, ROOT, SCRIPT, patience

PDCTL = PROGRAMS / "pdctl"
POD_SPEC = {"containers": [{"name": "engine", "image": "engine", "resources": {"limits": {"huawei.com/Ascend910": "2"}}}]}
TEMPLATE = {"metadata": {"labels": {"app": "vllm"}}, "spec": POD_SPEC}
SELECTOR = {"selector": {"matchLabels": {"app": "vllm"}}}


def workload(version, kind, spec):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "vllm"}, "spec": spec}


# LeaderWorkerSet, Volcano Job and ModelServing are no kinds of this API server: their pods' templates go through it as Pods.
WORKLOADS = [
    workload("apps/v1", "Deployment", {**SELECTOR, "template": TEMPLATE}),
    workload("apps/v1", "StatefulSet", {**SELECTOR, "serviceName": "vllm", "template": TEMPLATE}),
    workload("v1", "Pod", POD_SPEC),
]
FOREIGN = [
    (workload("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet",
              {"leaderWorkerTemplate": {"size": 2, "leaderTemplate": TEMPLATE, "workerTemplate": TEMPLATE}}),
     lambda made: [made["spec"]["leaderWorkerTemplate"][name] for name in ("leaderTemplate", "workerTemplate")]),
    (workload("batch.volcano.sh/v1alpha1", "Job", {"tasks": [{"name": "prefill", "replicas": 2, "template": TEMPLATE}]}),
     lambda made: [task["template"] for task in made["spec"]["tasks"]]),
    (workload("workload.serving.volcano.sh/v1alpha1", "ModelServing",
              {"template": {"roles": [{"name": "prefill", "entryTemplate": TEMPLATE, "workerTemplate": TEMPLATE}]}}),
     lambda made: [role[name] for role in made["spec"]["template"]["roles"] for name in ("entryTemplate", "workerTemplate")]),
]


def pdctl(*arguments, stdin=None, cluster=None):
    within = [SCRIPT, "exec", "--name", cluster.name, "--"] if cluster else []
    return subprocess.run([str(part) for part in (*within, PDCTL, *arguments)], input=stdin, capture_output=True, text=True,
                          timeout=patience(60), check=False)


def inject(manifest, *more):
    done = pdctl("inject", "-f", "-", "--role", "prefill", "--deployment", "qwen", "--gate-image", "gate:1", *more,
                 stdin=json.dumps(manifest))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("manifest", WORKLOADS, ids=lambda manifest: manifest["kind"])
def test_the_api_server_takes_what_was_injected(cluster, manifest):
    injected = inject(manifest)
    assert inject(json.loads(inject(manifest, "-o", "json"))) == injected
    stored = json.loads(cluster.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", stdin=injected).stdout)
    pod = stored if stored["kind"] == "Pod" else stored["spec"]["template"]
    assert pod["metadata"]["labels"]["pd-operator.io/role"] == "prefill"
    assert [container["name"] for container in pod["spec"]["initContainers"]] == ["pd-gate-watch", "pd-gate-wait"]
    assert pod["spec"]["initContainers"][0]["restartPolicy"] == "Always"
    if stored["kind"] == "StatefulSet":
        assert stored["spec"]["podManagementPolicy"] == "Parallel"
    # Also as it comes back from the API server, with all that it has filled in, it is injected already.
    again = json.loads(cluster.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-",
                                       stdin=inject(stored, "-o", "json")).stdout)
    if stored["kind"] != "Pod":  # to which the API server adds volumes of its own, in another order
        assert again["spec"] == stored["spec"]


@pytest.mark.parametrize("case", FOREIGN, ids=lambda case: case[0]["kind"])
def test_the_api_server_takes_their_pods(cluster, case):
    manifest, templates = case
    for template in templates(json.loads(inject(manifest, "-o", "json"))):
        pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "vllm"}}
        cluster.apply(pod, "--dry-run=server")


def test_a_role_rendered_offline_is_what_the_api_server_takes(cluster):
    folder = ROOT / "tests" / "data" / "render" / "1p1d-tp2"
    done = pdctl("render", "-o", "json", "-f", ROOT / "examples" / "1p1d-tp2.yaml", "--nodes", folder / "nodes.yaml")
    assert done.returncode == 1, done.stderr  # no pods are there yet
    made = json.loads(done.stdout)["createPods"]
    assert len(made) == 3
    for pod in made:
        cluster.apply(pod, "--dry-run=server")


numbers = itertools.count()
STATUS = {
    "observedGeneration": 1,
    "ranktable": {"configMap": "qwen-ranktable", "state": "Completed", "generation": 7, "npus": 4},
    "prefill": {"ready": 1, "updated": 1, "summary": "1/1"},
    "conditions": [{"type": "Ready", "status": "False", "reason": "InstanceLost", "message": "Decode-0 is lost.",
                    "lastTransitionTime": "2026-01-01T00:00:00Z"}],
}


@pytest.fixture
def namespace(cluster):
    """With a deployment "qwen" in it. Each has a name of its own, since one that is deleted is there for some time."""
    name = f"status-{next(numbers)}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
    role = {"instances": 1, "npusPerPod": 2, "template": {"spec": POD_SPEC}}
    cluster.apply({"apiVersion": "pd-operator.io/v1alpha1", "kind": "PDDeployment",
                   "metadata": {"name": "qwen", "namespace": name},
                   "spec": {"scheduler": {"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}},
                            "prefill": role, "decode": role}})
    write_status(cluster, name, STATUS)
    labels = {"pd-operator.io/deployment": "qwen", "pd-operator.io/role": "prefill", "pd-operator.io/instance": "0"}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "spec": POD_SPEC,
                   "metadata": {"name": "qwen-prefill-0-0-1", "namespace": name, "labels": labels,
                                "annotations": {"pd-operator.io/ranktable-generation": "7"}}})
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def write_status(cluster, namespace, status):
    cluster.kubectl("patch", "pdd", "qwen", "-n", namespace, "--type=merge", "--subresource=status", "-p",
                    json.dumps({"status": status}))


def test_status_of_a_deployment(cluster, namespace):
    access = ["--kubeconfig", cluster.environment()["KUBECONFIG"], "-n", namespace]
    shown = pdctl("status", "qwen", *access, "-o", "json", cluster=cluster)
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert told["ranktable"]["generation"] == 7
    assert [pod["name"] for pod in told["pods"]] == ["qwen-prefill-0-0-1"]
    assert told["pods"][0]["generation"] == 7
    assert "Decode-0 is lost." in pdctl("status", *access, cluster=cluster).stdout
    missing = pdctl("status", "gwen", *access, cluster=cluster)
    assert missing.returncode == 1
    assert missing.stderr.startswith("pdctl status: there is no PDDeployment gwen in the namespace " + namespace)


def test_status_follows_what_changes(cluster, namespace):
    command = [SCRIPT, "exec", "--name", cluster.name, "--", PDCTL, "status", "qwen", "-n", namespace, "-w", "--kubeconfig",
               cluster.environment()["KUBECONFIG"]]
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True) as watching:
        too_long = threading.Timer(patience(60), watching.terminate)
        too_long.start()
        try:
            lines = iter(watching.stdout.readline, "")
            assert any("Ready: False, InstanceLost: Decode-0 is lost." in line for line in lines)
            write_status(cluster, namespace, {"ranktable": {**STATUS["ranktable"], "generation": 8}})
            assert next(lines).endswith(" table: Completed, generation 8, 4 NPUs\n")
        finally:
            too_long.cancel()
            watching.terminate()
