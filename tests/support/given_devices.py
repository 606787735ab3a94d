"""Which NPUs kubelet gave to which container, read without the agent, all the time: from kubelet's checkpoint, by each version of
it, and from what containerd told runc to start.

    with GivenDevices(system, NODES) as given:
        given.of(uid)                   # as the checkpoint had it: {container: [0, 1]}
        given.running("real-0")         # as the containers that run now see it: {uid: {container: [0, 1]}}
"""
import ctypes
import json
import os
import pathlib
import select
import threading
import time

from live_cluster import patience

CHECKPOINT = "var/lib/kubelet/device-plugins/kubelet_internal_checkpoint"
BUNDLES = "run/containerd/io.containerd.runtime.v2.task/k8s.io"
LOOK = 0.05  # seconds between two looks for new containers
IN_MOVED_TO = 0x80
libc = ctypes.CDLL(None, use_errno=True)


def node_root(cluster, node):
    """The node's files as a folder of this machine."""
    return pathlib.Path("/proc", str(cluster.process(node)), "root")


def watch_folder(folder):
    """A descriptor that can be read after a file has been put there by rename."""
    descriptor = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(folder), IN_MOVED_TO) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    return descriptor


class Holding:
    """What one pod got on one node, with the last write of the checkpoint that changed it. Kubelet writes it for each container."""

    def __init__(self, node, containers, facts, before):
        self.node = node
        self.containers = containers
        self.written = facts.st_mtime_ns / 1e9  # seconds since the epoch
        self.renamed = facts.st_ctime_ns / 1e9
        self.first_written = before.first_written if before else self.written
        self.read = time.time()

    @property
    def devices(self):
        return sorted(number for ids in self.containers.values() for number in ids)


class GivenDevices:
    def __init__(self, cluster, nodes):
        self.roots = {node: node_root(cluster, node) for node in nodes}
        self.holdings = {}  # by uid
        self.started = {}  # {uid: {container: ids}} of all containers ever seen
        self.registered = {}  # by node: when kubelet last wrote that it has NPUs to give
        self.problems = []  # of kubelet: what it gave to a pod must not change
        self.news = threading.Condition()
        self.ended = threading.Event()
        self.followers = [threading.Thread(target=self.follow, args=(node,)) for node in nodes]

    def __enter__(self):
        self.descriptors = {node: watch_folder((root / CHECKPOINT).parent) for node, root in self.roots.items()}
        for follower in self.followers:
            follower.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for follower in self.followers:
            follower.join()
        for descriptor in self.descriptors.values():
            os.close(descriptor)

    def wait(self, holds, what, timeout=30):
        """Looks after each version of a checkpoint."""
        with self.news:
            if not self.news.wait_for(lambda: holds() or self.problems, patience(timeout)) or self.problems:
                raise TimeoutError(f"not within {patience(timeout)} s: {what} {self.problems}")

    def of(self, uid):
        holding = self.holdings.get(uid)
        return holding.containers if holding else {}

    def running(self, node):
        bundles = self.roots[node] / BUNDLES
        found = {}
        for name in os.listdir(bundles) if bundles.exists() else ():
            self.add_container(found, bundles / name)
        return found

    def follow(self, node):
        bundles, seen = self.roots[node] / BUNDLES, set()
        try:
            self.read_checkpoint(node)
            while not self.ended.is_set():
                if select.select([self.descriptors[node]], [], [], LOOK)[0]:
                    os.read(self.descriptors[node], 65536)
                    self.read_checkpoint(node)
                for name in set(os.listdir(bundles) if bundles.exists() else ()) - seen:
                    if self.add_container(self.started, bundles / name):
                        seen.add(name)
        except Exception as error:  # pylint: disable=broad-except
            with self.news:
                self.problems.append(f"{node} is not followed any more: {error!r}")
                self.news.notify_all()
            raise

    def read_checkpoint(self, node):
        try:
            with open(self.roots[node] / CHECKPOINT, encoding="utf-8") as file:
                facts, data = os.fstat(file.fileno()), json.load(file)["Data"]
        except FileNotFoundError:
            return  # nothing was given yet
        if any(data["RegisteredDevices"].values()):
            self.registered[node] = facts.st_mtime_ns / 1e9
        pods = {}
        for entry in data["PodDeviceEntries"] or ():
            names = [name for ids in (entry["DeviceIDs"] or {}).values() for name in ids]
            pods.setdefault(entry["PodUID"], {})[entry["ContainerName"]] = sorted(int(name.rpartition("-")[2]) for name in names)
        for uid, containers in pods.items():
            self.take_holding(node, uid, containers, facts)
        with self.news:
            self.news.notify_all()

    def take_holding(self, node, uid, containers, facts):
        before = self.of(uid)
        changed = [name for name, ids in before.items() if containers.get(name, ids) != ids]
        if changed:
            self.problems.append(f"kubelet gave {changed} of {uid} {before} and then {containers}")
        if containers != before:
            self.holdings[uid] = Holding(node, {**before, **containers}, facts, self.holdings.get(uid))

    @staticmethod
    def add_container(into, bundle):
        """False while its description is being written."""
        try:
            spec = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return False
        about = spec["annotations"]
        for entry in spec["process"].get("env", ()):
            name, _, value = entry.partition("=")
            if name == "ASCEND_VISIBLE_DEVICES":
                into.setdefault(about["io.kubernetes.cri.sandbox-uid"], {})[about["io.kubernetes.cri.container-name"]] = sorted(
                    int(number) for number in value.split(","))
        return True
