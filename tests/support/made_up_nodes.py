"""Nodes without kubelets: what scheduler, kubelet and agent would write about pods is written here, as fast as the API server
takes it, and what the sidecars would answer is answered here.

    with Sidecars(cluster) as sidecars:
        nodes = MadeUpNodes(api, sidecars, "default", 1000, 16)
        nodes.create()
        nodes.place(pods)
"""
import asyncio
import contextlib
import itertools
import json
import threading

from api_client import in_parallel

RESOURCE = "huawei.com/Ascend910"
POD_NETWORK = "10.200.0.0/13"
SIDECAR_PORT = 8089
NEWEST = 10**9  # a generation that is as new as any
CONDITIONS = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]


def merged(metadata):
    return {"metadata": metadata}


class Node:
    def __init__(self, index, npus):
        self.name = f"node-{index}"
        self.devices = [{"id": number, "ip": f"29.{81 + index // 250}.{index % 250}.{number + 1}", "link": "up", "health": "ok"}
                        for number in range(npus)]
        self.holders = {}  # by UID, as npu-allocations has them
        self.giving = threading.Lock()

    def give(self, meta, count):
        with self.giving:
            taken = {number for entry in self.holders.values() for number in entry["devices"]}
            free = [device["id"] for device in self.devices if device["id"] not in taken]
            assert len(free) >= count, f"{self.name} has no {count} NPUs left"
            if count:
                self.holders[meta["uid"]] = {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"],
                                             "devices": free[:count]}

    def annotations(self):
        inventory = {"v": 1, "source": "hccn_tool", "resource": RESOURCE, "probed": "2026-11-24T06:34:56Z", "devices": self.devices}
        allocations = {"v": 1, "ids": "real", "pods": list(self.holders.values())}
        return {f"pd-operator.io/npu-{name}": json.dumps(content) for name, content in
                (("inventory", inventory), ("allocations", allocations))}


def npus_of(pod):
    return sum(int(container["resources"].get("limits", {}).get(RESOURCE, 0)) for container in pod["spec"]["containers"])


class MadeUpNodes:
    def __init__(self, api, sidecars, namespace, count, npus):
        self.api, self.sidecars = api, sidecars
        self.pods = f"/api/v1/namespaces/{namespace}/pods"
        self.nodes = [Node(index, npus) for index in range(count)]
        self.addresses = itertools.count()

    def create(self):
        in_parallel(lambda node: self.api.create("/api/v1/nodes", {
            "apiVersion": "v1", "kind": "Node", **merged({"name": node.name, "annotations": node.annotations()})}), self.nodes)

    def next_address(self):
        number = next(self.addresses)
        return f"10.{200 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"

    def bind(self, pod, node):
        name = pod["metadata"]["name"]
        self.api.create(f"{self.pods}/{name}/binding", {"apiVersion": "v1", "kind": "Binding", **merged({"name": name}),
                                                        "target": {"apiVersion": "v1", "kind": "Node", "name": node.name}})
        node.give(pod["metadata"], npus_of(pod))

    def annotate(self, node):
        self.api.merge(f"/api/v1/nodes/{node.name}", merged({"annotations": node.annotations()}))

    def run(self, pod):
        """It has an address, and is Ready."""
        address = self.next_address()
        self.sidecars.uids[address] = pod["metadata"]["uid"]
        self.api.merge(f"{self.pods}/{pod['metadata']['name']}/status", {"status": {
            "phase": "Running", "hostIP": "192.168.17.1", "podIP": address, "podIPs": [{"ip": address}], "conditions": CONDITIONS}})

    def place(self, pods, nodes=None):
        """All at once, over the nodes in turn."""
        nodes = nodes or self.nodes
        chosen = {node.name: node for node, _ in zip(itertools.cycle(nodes), pods)}
        in_parallel(lambda pair: self.bind(*pair), list(zip(pods, itertools.cycle(nodes))))
        in_parallel(self.annotate, chosen.values())
        in_parallel(self.run, pods)

    def replace(self, node, lost, successor):
        """The pod is gone, its successor gets what it had; the address comes last."""
        node.holders.pop(lost["metadata"]["uid"])
        self.bind(successor, node)
        self.annotate(node)
        self.run(successor)

    def node_of(self, pod):
        return next(node for node in self.nodes if pod["metadata"]["uid"] in node.holders)


class Sidecars:
    """Whichever pod is asked, it has seen the newest table. All addresses of the pods are this machine's."""

    def __init__(self, cluster):
        self.uids = {}  # by address
        cluster.run("exec", "--", "ip", "route", "replace", "local", POD_NETWORK, "dev", "lo")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self):
        self.loop.run_until_complete(asyncio.start_server(self.answer, "0.0.0.0", SIDECAR_PORT, backlog=1024))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def answer(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            body = json.dumps({"uid": self.uids.get(writer.get_extra_info("sockname")[0], ""), "generation": NEWEST})
            writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            await writer.drain()
        writer.close()
