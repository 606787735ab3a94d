"""What the tables (AscendCloud) of a deployment must be, found without any of the product's code: which NPUs each pod has from
kubelet's PodResources, their addresses from the nodes' inventory annotations, all else from the pods themselves.

    RanktableChecker(system).check("qwen", "llm")      fails where a pod sees something else
"""
import json

import grpc
from given_devices import node_root

SOCKET = "var/lib/kubelet/pod-resources/kubelet.sock"
LIST = "/v1.PodResourcesLister/List"
RESOURCE = "huawei.com/Ascend910"
LABEL = "pd-operator.io/"
ROLES = ("scheduler", "prefill", "decode")


def read_varint(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(message):
    """The (number, value) pairs of a protobuf message; strings and messages within it are bytes."""
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        value, at = read_varint(message, at)
        assert key & 7 in (0, 2), f"PodResources has no fields of wire type {key & 7}"
        if key & 7 == 2:
            value, at = message[at:at + value], at + value
        yield key >> 3, value


def values(message, number):
    return [value for found, value in fields(message) if found == number]


def text(message, number):
    return b"".join(values(message, number)).decode()


def kubelets_devices(cluster, node):
    """{(namespace, pod): [NPU, ...]} of a node."""
    with grpc.insecure_channel(f"unix:{node_root(cluster, node) / SOCKET}") as channel:
        answer = channel.unary_unary(LIST, lambda request: request, lambda response: response)(b"", timeout=30, wait_for_ready=True)
    held = {}
    for pod in values(answer, 1):
        devices = [device for container in values(pod, 3) for device in values(container, 2)]
        names = [name.decode() for device in devices if text(device, 1) == RESOURCE for name in values(device, 2)]
        held[text(pod, 2), text(pod, 1)] = sorted(int(name.rpartition("-")[2]) for name in names)
    return held


def compact(table):
    """As text: the order of keys is part of the format."""
    return json.dumps(table, separators=(",", ":"))


class RanktableChecker:
    def __init__(self, system):
        self.system = system
        self.held = {}  # by node
        self.addresses = {}  # by node

    def server(self, pod):
        """A pod's entry of the tables."""
        meta, node, address = pod["metadata"], pod["spec"]["nodeName"], pod["status"]["podIP"]
        entry = {"server_id": address, "server_ip": address}
        if meta["labels"][LABEL + "role"] == "scheduler":
            return entry
        if node not in self.held:
            self.held[node] = kubelets_devices(self.system, node)
            self.addresses[node] = {device["id"]: device["ip"] for device in self.system.node_annotation(node, "npu-inventory")["devices"]}
        ids = self.held[node][meta["namespace"], meta["name"]]
        entry["device"] = [{"device_id": str(number), "device_ip": self.addresses[node][number], "rank_id": str(rank)}
                           for rank, number in enumerate(ids)]
        return entry

    def expected(self, pods):
        """The global table's text, and by UID each pod's local one."""
        by_role = {role: [] for role in ROLES}
        for pod in sorted(pods, key=lambda pod: int(pod["metadata"]["labels"][LABEL + "instance"])):
            by_role[pod["metadata"]["labels"][LABEL + "role"]].append(pod)
        self.held.clear()
        servers = {pod["metadata"]["uid"]: self.server(pod) for pod in pods}
        groups = [{"group_id": str(number), "server_count": str(len(by_role[role])),
                   "server_list": [servers[pod["metadata"]["uid"]] for pod in by_role[role]]} for number, role in enumerate(ROLES)]
        start = {"version": "1.0", "status": "completed"}
        local = {uid: compact({**start, "group_id": "0", "server_count": "1", "server_list": [server]})
                 for uid, server in servers.items()}
        return compact({**start, "server_group_list": groups}), local

    def check(self, deployment, namespace):
        """Every pod sees what it must, and all see the same generation. Answers it."""
        pods = self.system.pods(deployment, namespace=namespace)
        table, local = self.expected(pods)
        generations = set()
        for pod in pods:
            name = pod["metadata"]["name"]
            assert self.system.read_in_pod(pod, "global_ranktable.json") == table, f"the global table in {name}"
            assert self.system.read_in_pod(pod, "local_ranktable.json") == local[pod["metadata"]["uid"]], f"the local table in {name}"
            generations.add(int(self.system.read_in_pod(pod, "generation")))
        assert len(generations) == 1, f"the pods see different generations: {generations}"
        return generations.pop()
