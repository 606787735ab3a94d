"""A Node without a kubelet: what kubelet and pd-agent would say of it, and of the pods on it, is written here."""
import json

NPU = "huawei.com/Ascend910"
CONFIGURATION = "ascend.kubectl.kubernetes.io/ascend-910-configuration"


class PretendNode:
    def __init__(self, cluster, name, number, ids="real"):
        self.cluster = cluster
        self.name = name
        self.ids = ids
        self.prefix = f"29.81.{number}"
        self.next_address = 10
        self.pods = {}
        devices = [{"id": n, "ip": self.device_address(n), "link": "up"} for n in range(8)]
        self.inventory = {"v": 1, "source": "file", "resource": NPU, "probed": "2026-11-24T06:34:56Z", "devices": devices}
        self.apply()

    def device_address(self, device):
        return f"{self.prefix}.{100 + device}"

    def apply(self):
        allocations = {"v": 1, "ids": self.ids, "pods": [
            {"namespace": meta["namespace"], "name": meta["name"], "uid": uid, "devices": devices}
            for uid, (meta, devices) in self.pods.items()]}
        self.cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "annotations": {
            "pd-operator.io/npu-inventory": json.dumps(self.inventory),
            "pd-operator.io/npu-allocations": json.dumps(allocations)}}})

    def place(self, pod, devices=()):
        """Binds the pod, gives it an address, and says that it holds the devices."""
        meta = pod["metadata"]
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": meta["name"]},
                   "target": {"apiVersion": "v1", "kind": "Node", "name": self.name}}
        self.cluster.kubectl("create", "--raw", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding", "-f", "-",
                             stdin=json.dumps(binding))
        address = f"10.{self.prefix.split('.')[2]}.0.{self.next_address}"
        self.next_address += 1
        status = {"status": {"podIP": address, "podIPs": [{"ip": address}], "hostIP": f"{self.prefix}.1"}}
        self.cluster.kubectl("patch", "pod", meta["name"], "-n", meta["namespace"], "--subresource=status", "--type=merge",
                             "-p", json.dumps(status))
        if devices:
            self.pods[meta["uid"]] = (meta, list(devices))
            self.apply()

    def claim(self, pod, devices):
        """What a device plugin, or whoever may patch the pod, writes into it; None takes it back."""
        meta = pod["metadata"]
        value = None if devices is None else json.dumps({"devices": [{"device_id": str(n)} for n in devices]})
        self.cluster.kubectl("patch", "pod", meta["name"], "-n", meta["namespace"], "--type=merge", "-p",
                             json.dumps({"metadata": {"annotations": {CONFIGURATION: value}}}))
