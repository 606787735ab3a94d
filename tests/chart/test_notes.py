"""What Helm says after an install is true of what was installed."""
import shutil

import chart
import pytest
import yaml
from test_rendering import IMAGE, UNPRIVILEGED


def notes(tmp_path, *arguments):
    """NOTES.txt, as a template that `helm template` shows; a dry run of an install would need a cluster."""
    folder = tmp_path / "notes"
    if not folder.exists():
        shutil.copytree(chart.CHART, folder)
        text = (folder / "templates" / "NOTES.txt").read_text(encoding="utf-8")
        named = '{{- define "notes" -}}\n' + text + '{{- end -}}\nkind: Notes\nsaid: {{ include "notes" . | toJson }}\n'
        (folder / "templates" / "notes.yaml").write_text(named, encoding="utf-8")
    said = chart.helm("template", chart.RELEASE, folder, "-n", chart.NAMESPACE, *IMAGE, *arguments, "-s", "templates/notes.yaml").stdout
    return yaml.safe_load(said)["said"]


def test_the_notes_say_what_is_there(tmp_path):
    said = notes(tmp_path, "--set", "agent.namespace=pd-agents")
    assert "is in namespace pd-system, for PDDeployments in all namespaces" in said and "are in namespace pd-agents" in said
    assert "helm test pd-operator -n pd-system" in said and "kubectl get pods -n pd-agents" in said
    assert "kubectl get daemonset -A -l app.kubernetes.io/component=agent" in said
    said = notes(tmp_path, "--set", "operator.replicas=0")
    assert "No operator runs" in said and "helm test" not in said and "kubectl get pdd" not in said


@pytest.mark.parametrize("install,keep,word", [("true", "true", "leaves the CRD and"), ("true", "false", "takes the CRD away"),
                                               ("false", "false", "The CRD is another's"), ("false", "true", "The CRD is another's")])
def test_the_notes_say_what_uninstalling_does(tmp_path, install, keep, word):
    assert word in notes(tmp_path, "--set", f"crds.install={install},crds.keep={keep}")


@pytest.mark.parametrize("arguments,warned", [((), True), (("--set", "agent.source=node_annotation"), True), (UNPRIVILEGED, False),
                                              (("--set", "agent.enabled=false"), False)])
def test_the_notes_warn_of_pod_security(tmp_path, arguments, warned):
    assert ("enforces Pod Security" in notes(tmp_path, *arguments)) == warned
