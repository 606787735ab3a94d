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


def npu_pod(name, namespace, npus=(1,), node=None, **spec):
    """A pod that does nothing, with a container for each of the numbers of NPUs; `spec` is added to its own."""
    containers = [{"name": f"c{index}", "image": "localhost/pause:1", "imagePullPolicy": "Never",
                   "resources": {"limits": {"huawei.com/Ascend910": count}}} for index, count in enumerate(npus)]
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": containers, "terminationGracePeriodSeconds": 5, **spec}}
