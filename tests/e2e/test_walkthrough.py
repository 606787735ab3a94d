"""docs/walkthrough.md: what kubectl shows of a deployment at each stage of its first placement and of a failure. It is written
from the real thing (PD_WALKTHROUGH=write, by `./dev walkthrough`); else what kubectl shows must be what the page has, but for
times, addresses, UIDs and the NPUs that kubelet happened to choose."""
import os
import re
import time

from life import NAME, on_node
from live_cluster import ROOT
from pd_system import NODES

PAGE = ROOT / "docs" / "walkthrough.md"
INTRODUCTION = """# What kubectl shows

Each stage of a first placement, and of a failure, as `kubectl get` and `kubectl describe` show it. The deployment has two prefill
instances on the node real-0, one decode instance and the scheduler on real-1, two NPUs each, and `lostGraceSeconds: 10`. The page
is made by `./dev walkthrough` from a real cluster, and `./dev test e2e` fails when what is shown is not that any more. Of
`describe`, what comes before the status is left out.
"""
VARIES = ((r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"), (r"sha256:\w+", "DIGEST"), (r"\b10\.(244|100)\.\d+\.\d+", "ADDRESS"),
          (r"\b29\.81\.\d+\.\d+", "NPU-ADDRESS"))


def comparable(text):
    """Columns are as wide as what is in them."""
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return [" ".join(line.split()) for line in text.splitlines()]


class Walk:
    """The page as it is being made."""

    def __init__(self, life):
        self.life, self.system = life, life.system
        self.parts = [INTRODUCTION]

    def wait(self, **reasons):
        """Until the conditions have these reasons, bound pods have addresses, and the status does not change any more."""
        last = None

        def stays(deployments):
            nonlocal last
            conditions = {c["type"]: c["reason"] for one in deployments for c in one.get("status", {}).get("conditions", ())}
            pods = self.system.get("pods", "-n", self.life.namespace)["items"]
            rests = reasons.items() <= conditions.items() and all("podIP" in pod["status"] for pod in pods if "nodeName" in pod["spec"])
            status = deployments[0].get("status")
            if not rests or not last or last[1] != status:
                last = (time.monotonic(), status) if rests else None
            return last and time.monotonic() - last[0] > 2
        self.system.until("pdd", stays, "-n", self.life.namespace, timeout=self.life.timeout, what=f"{reasons}")

    def show(self, title, words):
        namespace = self.life.namespace
        described = self.system.kubectl("describe", "pdd", NAME, "-n", namespace).stdout
        shown = [("get pdd", self.system.kubectl("get", "pdd", NAME, "-n", namespace).stdout),
                 ("get pods", self.system.kubectl("get", "pods", "-n", namespace).stdout),
                 (f"describe pdd {NAME}", described[described.index("Status:"):described.index("Events:")])]
        parts = [f"## {title}\n", f"{words}\n"]
        for command, text in shown:
            parts.append(f"```\n$ kubectl {command}\n{text.rstrip()}\n```\n")
        self.parts.append("\n".join(parts))

    def page(self):
        return "\n".join(self.parts)


def without_age(text):
    """The last column of `kubectl get`."""
    return re.sub(r"(?m)^(qwen\S* .*\S) +\S+$", r"\1", text)


def first_placement(walk):
    with walk.system.without_agent("real-0"):
        with walk.system.without_agent("real-1"):
            for node in NODES:
                walk.system.forget_npus(node)
            walk.life.apply()
            walk.wait(TemplatesValid="ResourceUnknown")
            walk.show("Before the agents", "No node says which NPUs it has, so it is not known what to ask for: only the scheduler's pod is made.")
        walk.wait(TemplatesValid="Valid", DevicesDiscovered="NodeNotReporting")
        walk.show("One agent is missing", "The pods are made and wait in their init containers. Those on real-0 lack their NPUs.")
    walk.wait(Ready="Ready", RanktableDelivered="Delivered")
    walk.show("All is well", "The table was published, and each pod confirms that it sees it.")


def failure(walk):
    life = walk.life
    life.system.kubectl("cordon", "real-0")
    try:
        life.delete("prefill", 1)
        walk.wait(RanktableReady="InstanceLost")
        walk.show("A pod is lost", "There is no place for its successor, since somebody has cordoned the node. The last table stays for now.")
        walk.wait(RanktableReady="Partial", RanktableDelivered="Delivered")
        walk.show("The grace is over", "The table goes on without the instance. The others were not restarted.")
    finally:
        life.system.kubectl("uncordon", "real-0")
    walk.wait(Ready="Ready", RanktableDelivered="Delivered")
    walk.show("It is back", "The successor has its predecessor's place in the table.")


def test_the_walk_through(life):
    life.scale(prefill=2)
    life.pod_spec("prefill", **on_node("real-0"))
    life.manifest["spec"]["ranktable"] = {"lostGraceSeconds": 10}
    walk = Walk(life)
    first_placement(walk)
    failure(walk)
    if os.environ.get("PD_WALKTHROUGH") == "write":
        PAGE.write_text(walk.page(), encoding="utf-8")
    assert comparable(without_age(walk.page())) == comparable(without_age(PAGE.read_text(encoding="utf-8"))), "run ./dev walkthrough"
