"""The real API server takes all that the chart renders, with each file of values."""
import json
import re

import chart
import pytest
import yaml
from test_rendering import EVERYTHING, IMAGE, UNPRIVILEGED, VALUES, is_restricted

WATCHED = ("watched-a", "watched-b")
WARNED = "warned"
WITH_PODS = ("Deployment", "DaemonSet", "Job", "Pod")
VARIANTS = {"cluster": (), "everything": EVERYTHING, "namespaces": ("--set", f"watchNamespaces={{{','.join(WATCHED)}}}"),
            "unprivileged": UNPRIVILEGED, "own-namespace": ("--set", "agent.namespace=watched-a"), "no-agents": ("--set", "agent.enabled=false")}


def monitoring_definition(kind, plural):
    """As much of the Prometheus operator's as it takes to apply an object of it."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.monitoring.coreos.com"},
            "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}}


@pytest.fixture(scope="module")
def server(cluster):
    for kind, plural in (("PodMonitor", "podmonitors"), ("PrometheusRule", "prometheusrules")):
        cluster.apply(monitoring_definition(kind, plural))
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{plural}.monitoring.coreos.com")
    for name in (*WATCHED, WARNED):
        cluster.create_namespace(name, "privileged")
    cluster.kubectl("label", "namespace", WARNED, "pod-security.kubernetes.io/warn=restricted")
    cluster.kubectl("create", "serviceaccount", chart.RELEASE, "-n", WARNED)
    # Nothing is stored, so the account of the pod for `helm test` has to be there already.
    cluster.kubectl("create", "serviceaccount", chart.RELEASE, "-n", chart.NAMESPACE)
    yield cluster
    cluster.kubectl("delete", "serviceaccount", chart.RELEASE, "-n", chart.NAMESPACE)
    cluster.kubectl("delete", "namespace", *WATCHED, WARNED, "--wait=false")
    cluster.kubectl("delete", "crd", "podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("values", [None, *VALUES], ids=lambda path: path.stem if path else "values")
def test_a_dry_run_takes_it(server, values, variant):
    chosen = ("-f", values) if values else ()
    rendered = chart.helm("template", chart.RELEASE, chart.CHART, "-n", chart.NAMESPACE, *chosen, *IMAGE, *VARIANTS[variant]).stdout
    items = [item for item in yaml.safe_load_all(rendered) if item]
    done = server.kubectl("apply", "--dry-run=server", "-f", "-", stdin=rendered, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(items), done.stdout
    warned = re.findall(r"would violate PodSecurity.*", done.stderr)
    agents = [item for item in items if item["kind"] == "DaemonSet"]
    assert len(warned) <= len(agents), done.stderr
    for item in items:
        if item["kind"] not in WITH_PODS:
            continue
        # One at a time, in a namespace that warns of all that is not `restricted`: a warning names no object.
        item["metadata"]["namespace"] = WARNED
        said = server.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(item), check=False)
        assert said.returncode == 0, said.stderr
        expected = item["kind"] == "DaemonSet" and not is_restricted(item["spec"]["template"]["spec"])
        assert ("would violate PodSecurity" in said.stderr) == expected, (item["kind"], said.stderr)
