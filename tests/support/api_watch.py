"""Every version of some objects as the API server tells of it, with the moment at which it came.

    with ApiWatch(system, "/api/v1/nodes") as nodes:
        nodes.wait(lambda change: change.name == "real-0" and change.annotation("npu-inventory"))
"""
import dataclasses
import json
import subprocess
import threading
import time

from live_cluster import SCRIPT, patience


@dataclasses.dataclass(frozen=True)
class Change:
    moment: float  # seconds since the epoch
    kind: str  # ADDED, MODIFIED or DELETED
    object: dict

    @property
    def name(self):
        return self.object["metadata"]["name"]

    @property
    def uid(self):
        return self.object["metadata"]["uid"]

    def annotation(self, name):
        """One of ours, as what its JSON says."""
        text = self.object["metadata"].get("annotations", {}).get(f"pd-operator.io/{name}")
        return json.loads(text) if text else None


class ApiWatch:
    def __init__(self, cluster, path):
        self.cluster, self.path = cluster, path
        self.changes = []  # only ever added to; the objects that there are come first
        self.news = threading.Condition()
        self.has_ended = False

    def __enter__(self):
        # Not by the watch itself: API servers before 1.32 do not do that.
        listed = json.loads(self.cluster.kubectl("get", "--raw", self.path).stdout)
        self.changes = [Change(time.time(), "ADDED", item) for item in listed["items"]]
        version = listed["metadata"]["resourceVersion"]
        self.process = subprocess.Popen([str(SCRIPT), "kubectl", "--name", self.cluster.name, "get", "--raw",
                                         f"{self.path}?watch=1&resourceVersion={version}"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def read(self):
        for line in self.process.stdout:
            moment = time.time()
            told = json.loads(line)
            with self.news:
                self.changes.append(Change(moment, told["type"], told["object"]))
                self.news.notify_all()
        with self.news:
            self.has_ended = True
            self.news.notify_all()

    def wait_until(self, holds, timeout, what):
        """Looks after each change; answers what holds() answered."""
        deadline = time.monotonic() + patience(timeout)
        with self.news:
            while True:
                answer = holds()
                if answer:
                    return answer
                if self.has_ended:
                    raise RuntimeError(f"the watch has ended before there was this: {what}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"not within {patience(timeout)} s: {what}")
                self.news.wait(left)

    def wait(self, holds, timeout=30, what="such a change"):
        """The first change, old or new, for which holds(change) is true."""
        seen = 0

        def look():
            nonlocal seen
            while seen < len(self.changes):
                change = self.changes[seen]
                seen += 1
                if holds(change):
                    return change
            return None

        return self.wait_until(look, timeout, what)

    def latest(self):
        """By UID, the last version of all objects that have not been deleted."""
        objects = {}
        for change in list(self.changes):
            if change.kind == "DELETED":
                objects.pop(change.uid, None)
            else:
                objects[change.uid] = change.object
        return objects
