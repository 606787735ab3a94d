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

# The objects that there are come first, then a bookmark that tells so.
QUERY = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


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
        self.command = [str(SCRIPT), "kubectl", "--name", cluster.name, "get", "--raw", f"{path}?{QUERY}"]
        self.changes = []  # only ever added to
        self.news = threading.Condition()
        self.is_complete = False  # the objects that there were are in `changes`
        self.has_ended = False

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        try:
            self.wait_until(lambda: self.is_complete, 30, "the objects that there are")
        except BaseException:
            self.__exit__()
            raise
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
                if told["type"] == "BOOKMARK":
                    self.is_complete = True
                else:
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
