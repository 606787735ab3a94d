"""Changes on a node that its agent has to see, each with the time until its Node says so. Tests and the benchmark measure by them.

    with AgentChanges(system, "real-0", "default") as changes:
        changes.address(3, in_place)
"""
import contextlib
import fcntl
import itertools
import json
import time

from api_watch import ApiWatch
from given_devices import GivenDevices, node_root
from manifests import npu_pod


def in_place(path, text):
    """As the driver's tool writes its file: under its lock, and emptied first."""
    with open(path, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate()
        file.flush()
        half = len(text) // 2
        file.write(text[:half])
        file.flush()
        time.sleep(0.1)  # long enough for a reader to come between
        file.write(text[half:])


def by_rename(path, text):
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="ascii")
    draft.rename(path)


class AgentChanges:
    def __init__(self, system, node, namespace):
        self.system, self.node, self.namespace = system, node, namespace
        self.root = node_root(system, node)
        self.conf = self.root / "etc" / "hccn.conf"
        self.script = self.root / "etc" / "hccn_tool.script"
        self.numbers = itertools.count()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.nodes = stack.enter_context(ApiWatch(self.system, "/api/v1/nodes"))
            self.pods = stack.enter_context(ApiWatch(self.system, f"/api/v1/namespaces/{self.namespace}/pods"))
            self.given = stack.enter_context(GivenDevices(self.system, [self.node]))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self.script.unlink(missing_ok=True)
        return self.stack.__exit__(*error)

    def last(self):
        """The last version of the Node."""
        return next(change for change in reversed(self.nodes.changes) if change.name == self.node)

    # The inventory.

    def wait_source(self, name):
        """Until the Node says that its inventory is by this source."""
        self.nodes.wait_until(lambda: (self.last().annotation("npu-inventory") or {}).get("source") == name, 30,
                              f"an inventory by {name}")

    def device_after(self, moment, number, field, value):
        """When the Node first told this of a device after that moment."""
        def tells(change):
            inventory = change.moment > moment and change.name == self.node and change.annotation("npu-inventory")
            return inventory and any(device["id"] == number and device.get(field) == value for device in inventory["devices"])
        return self.nodes.wait(tells, 30, f"{field} {value} of device {number}").moment

    def address(self, number, write):
        """Gives a device another address and then its own one again; answers how long the first took, in seconds."""
        before = self.conf.read_text(encoding="ascii")
        own = next(line.partition("=")[2] for line in before.splitlines() if line.startswith(f"address_{number}="))
        other = f"29.81.30.{100 + number}"
        began = time.time()
        write(self.conf, before.replace(f"address_{number}={own}\n", f"address_{number}={other}\n"))
        try:
            took = self.device_after(began, number, "ip", other) - began
        finally:
            ended = time.time()
            write(self.conf, before)
        self.device_after(ended, number, "ip", own)
        return took

    def link(self, number):
        """A link goes down and up, which only the driver's tool shows."""
        began = time.time()
        by_rename(self.script, f"{number} link down\n")
        try:
            took = self.device_after(began, number, "link", "down") - began
        finally:
            ended = time.time()
            self.script.unlink()
        self.device_after(ended, number, "link", "up")
        return took

    # The allocations.

    def create_pod(self, npus=(1,)):
        """Answers its UID."""
        pod = npu_pod(f"pod-{next(self.numbers)}", self.namespace, npus, self.node)
        return self.system.kubectl("create", "-f", "-", "-o", "jsonpath={.metadata.uid}", stdin=json.dumps(pod)).stdout

    def delete_pods(self, *uids, by_force=False):
        """Until they have ended; by force, until the API server has forgotten them."""
        names = [self.pods.latest()[uid]["metadata"]["name"] for uid in uids]
        how = ("--grace-period=0", "--force") if by_force else ()
        self.system.kubectl("delete", "pod", "-n", self.namespace, *how, *names)

    def said_of(self, change, uid):
        """What a version of the Node says that a pod holds."""
        said = change.annotation("npu-allocations") if change.name == self.node else None
        return next((entry["devices"] for entry in said["pods"] if entry["uid"] == uid), []) if said else []

    def allocation(self, uid, count):
        """What kubelet wrote about a pod, and the first change of the Node that says the same."""
        change = self.nodes.wait(lambda change: len(self.said_of(change, uid)) == count, 60, f"{count} NPUs of the pod {uid}")
        self.given.wait(lambda: uid in self.given.holdings, f"a checkpoint with the pod {uid}")
        return self.given.holdings[uid], change

    def forgotten(self, uid):
        """When the Node first said nothing any more of a pod of which it had told."""
        told = False

        def is_it(change):
            nonlocal told
            if change.name != self.node:
                return False
            had_told, told = told, bool(self.said_of(change, uid))
            return had_told and not told

        return self.nodes.wait(is_it, 60, f"{uid} holds nothing any more").moment

    # Kubelet.

    @contextlib.contextmanager
    def without_kubelet(self):
        """When it ends, kubelet runs again and has NPUs to give."""
        self.system.kill_process(f"{self.node}-kubelet")
        killed = time.time()
        try:
            yield
        finally:
            self.system.run("restart-kubelet", self.node)
        self.given.wait(lambda: self.given.registered.get(self.node, 0) > killed, "the device plugin is back")
