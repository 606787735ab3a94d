"""PDDeployments for tests, made from the example that the demo applies."""
import yaml
from live_cluster import ROOT

EXAMPLE = ROOT / "examples" / "1p1d-tp2.yaml"


def pddeployment(name, namespace, prefill=1, decode=1, npus=2):
    manifest = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    manifest["metadata"] = {"name": name, "namespace": namespace}
    manifest["spec"]["prefill"].update(instances=prefill, npusPerPod=npus)
    manifest["spec"]["decode"].update(instances=decode, npusPerPod=npus)
    return manifest
