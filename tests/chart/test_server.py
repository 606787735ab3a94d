"""The real API server takes all that the chart renders, with each file of values."""
import chart
import pytest
import yaml
from test_rendering import EVERYTHING, IMAGE, UNPRIVILEGED, VALUES

WATCHED = ("watched-a", "watched-b")
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
    for name in WATCHED:
        cluster.create_namespace(name, "privileged")
    # Nothing is stored, so the account of the pod for `helm test` has to be there already.
    cluster.kubectl("create", "serviceaccount", chart.RELEASE, "-n", chart.NAMESPACE)
    yield cluster
    cluster.kubectl("delete", "serviceaccount", chart.RELEASE, "-n", chart.NAMESPACE)
    cluster.kubectl("delete", "namespace", *WATCHED, "--wait=false")
    cluster.kubectl("delete", "crd", "podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("values", [None, *VALUES], ids=lambda path: path.stem if path else "values")
def test_a_dry_run_takes_it(server, values, variant):
    chosen = ("-f", values) if values else ()
    rendered = chart.helm("template", chart.RELEASE, chart.CHART, "-n", chart.NAMESPACE, *chosen, *IMAGE, *VARIANTS[variant]).stdout
    wanted = len([item for item in yaml.safe_load_all(rendered) if item])
    done = server.kubectl("apply", "--dry-run=server", "-f", "-", stdin=rendered, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == wanted, done.stdout
    assert "would violate PodSecurity" not in done.stderr or "daemonset" in rendered.lower(), done.stderr
