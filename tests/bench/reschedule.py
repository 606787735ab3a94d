"""How soon the tables follow a pod that was lost, on a cluster of its own: two nodes with real kubelets and fake NPUs. The time
begins when a client has been told of the new pod's address and of its NPUs (the agent's annotation), whichever comes later.
Prints one JSON line per number.

    reschedule.py [TRIALS]
"""
import contextlib
import sys
import threading

from api_watch import ApiWatch
from bench_line import say
from manifests import pddeployment
from pd_system import PdSystem

NAMESPACE = "default"
NAME = "qwen"


class Bench:
    """Watches all that has to do with it, so that each moment is one at which a client was told."""

    def __init__(self, system):
        self.system = system
        self.paths = (f"/api/v1/namespaces/{NAMESPACE}/pods", "/api/v1/nodes", f"/api/v1/namespaces/{NAMESPACE}/configmaps")

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.pods, self.nodes, self.config_maps = (stack.enter_context(ApiWatch(self.system, path)) for path in self.paths)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def addressed(self, before):
        """The first version in which a prefill pod that there never was before has an address."""
        return self.pods.wait(lambda change: change.uid not in before and change.object["status"].get("podIP")
                              and change.object["metadata"]["labels"]["pd-operator.io/role"] == "prefill", 60, "a new pod with an address")

    def reported(self, uid):
        """The first version of a Node that tells of its NPUs."""
        def tells(change):
            allocations = change.annotation("npu-allocations")
            return allocations and any(entry["uid"] == uid and entry["devices"] for entry in allocations["pods"])
        return self.nodes.wait(tells, 60, f"the NPUs of {uid}")

    def written(self, generation):
        return self.config_maps.wait(lambda change: change.name == f"{NAME}-ranktable" and
                                     int(change.object["data"]["generation"]) >= generation, 60, f"generation {generation}")

    def trial(self):
        """The milliseconds until the table was written, and until the pod that stayed could read it."""
        system = self.system
        lost, stays = (system.one_pod(NAME, role, NAMESPACE) for role in ("prefill", "decode"))
        before, generation = {change.uid for change in self.pods.changes}, system.generation(NAME, NAMESPACE) + 1
        read = []
        reader = threading.Thread(target=lambda: read.append(system.wait_generation(stays, generation, timeout=60)))
        reader.start()
        system.kubectl("delete", "pod", lost["metadata"]["name"], "-n", NAMESPACE, "--wait=false")
        pod = self.addressed(before)
        placed = max(pod.moment, self.reported(pod.uid).moment) * 1000
        written = self.written(generation).moment * 1000
        reader.join()
        system.wait_settled(NAME, NAMESPACE)
        return written - placed, read[0] - placed


def main(trials=20):
    with PdSystem("bench") as system:
        system.apply(pddeployment(NAME, NAMESPACE))
        system.wait_settled(NAME, NAMESPACE)
        with Bench(system) as bench:
            written, read = zip(*(bench.trial() for _ in range(trials)))
        say("reschedule.written", "ms", written, target="<= 20")
        say("reschedule.readable_in_the_other_pod", "ms", read, target="<= 300")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
