"""A node without a kubelet, and what a kubelet, its device plugin and pd-agent would do there for the pods of one namespace.

    kubelet = FakeKubelet(cluster, "adopt-node", "adopt")
    kubelet.until(lambda pods: len(pods) == 2 and all(map(is_ready, pods)))
"""
import json
import time

from live_cluster import patience

DEVICES = 64
GENERATION = "pd-operator.io/ranktable-generation"


def condition(thing, kind):
    found = [one for one in thing.get("status", {}).get("conditions", []) if one["type"] == kind]
    return found[0] if found else {"status": "Unknown", "reason": "", "message": ""}


def is_ready(pod):
    return condition(pod, "Ready")["status"] == "True"


class FakeKubelet:
    def __init__(self, cluster, node, namespace):
        self.cluster, self.node, self.namespace = cluster, node, namespace
        self.held = {}  # devices by pod UID
        self.addresses = 0
        devices = [{"id": number, "ip": f"29.81.18.{100 + number}", "link": "up"} for number in range(DEVICES)]
        cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "annotations": {
            "pd-operator.io/npu-inventory": json.dumps({"v": 1, "source": "file", "resource": "huawei.com/Ascend910",
                                                        "probed": "2026-11-24T06:34:56Z", "devices": devices})}}})
        self.report([])

    def until(self, holds, timeout=60, what=""):
        """Does its work until holds(pods) for the namespace's pods that are not terminating; answers them."""
        deadline = time.monotonic() + patience(timeout)
        while True:
            pods = self.work()
            if holds(pods):
                return pods
            if time.monotonic() > deadline:
                seen = self.cluster.kubectl("get", "pdd,pods", "-n", self.namespace, "-o", "yaml").stdout
                raise TimeoutError(f"not within {patience(timeout)} s: {what}\n{seen[-8000:]}")

    def work(self):
        pods = [pod for pod in self.cluster.get("pods", "-n", self.namespace)["items"] if "deletionTimestamp" not in pod["metadata"]]
        self.allocate(pods)
        for pod in pods:
            if "podIP" not in pod["status"]:
                self.addresses += 1
                self.patch(pod, {"phase": "Pending", "hostIP": "10.0.0.1", "hostIPs": [{"ip": "10.0.0.1"}],
                                 "podIP": f"10.244.0.{self.addresses}", "podIPs": [{"ip": f"10.244.0.{self.addresses}"}]})
            elif not is_ready(pod) and self.passes_gate(pod):
                self.patch(pod, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
        return pods

    def allocate(self, pods):
        before = dict(self.held)
        self.held = {pod["metadata"]["uid"]: self.held[pod["metadata"]["uid"]] for pod in pods if pod["metadata"]["uid"] in self.held}
        for pod in pods:
            limits = pod["spec"]["containers"][0].get("resources", {}).get("limits", {})
            count, uid = int(limits.get("huawei.com/Ascend910", 0)), pod["metadata"]["uid"]
            if count and uid not in self.held:
                used = {device for devices in self.held.values() for device in devices}
                self.held[uid] = [device for device in range(DEVICES) if device not in used][:count]
        if self.held != before:
            self.report(pods)

    def report(self, pods):
        names = {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in pods}
        entries = [{"namespace": self.namespace, "name": names[uid], "uid": uid, "devices": devices} for uid, devices in self.held.items()]
        self.cluster.kubectl("annotate", "node", self.node, "--overwrite",
                             "pd-operator.io/npu-allocations=" + json.dumps({"v": 1, "ids": "real", "pods": entries}))

    def passes_gate(self, pod):
        """What pd-gate looks for: it was told of a generation, and the table that has the pod's name lists its address."""
        meta = pod["metadata"]
        maps = self.cluster.get("configmaps", "-n", self.namespace, "-l", f"pd-operator.io/deployment={meta['labels']['pd-operator.io/deployment']}")
        expected = meta.get("annotations", {}).get(GENERATION)
        for data in (one["data"] for one in maps["items"]):
            own = data.get(f"local_ranktable_{meta['name']}.json", "")
            return bool(expected) and int(data["generation"]) >= int(expected) and f'"{pod["status"]["podIP"]}"' in own
        return False

    def patch(self, pod, status):
        # It may have gone meanwhile.
        self.cluster.kubectl("patch", "pod", pod["metadata"]["name"], "-n", self.namespace, "--subresource=status", "--type=merge",
                             "-p", json.dumps({"status": status}), check=False)
