"""What the runtime costs against a real API server over TLS: a cluster of its own (control plane alone), 10,000 pods and 1,000
nodes. Prints one JSON line per number. API server and program share the machine, so each line that tells of a replay says what
CPU time either took.

    live_runtime.py [PODS [NODES]]
"""
import json
import os
import signal
import sys

import bench_line
from asked_program import AskedProgram
from live_cluster import PROGRAMS, ROOT, LiveCluster

DRAIN = ROOT / "tests" / "bench" / "drain_watch.py"
CALLS = 5
LARGE = 12000  # bytes
SMALL = 3000
TARGETS = {"live.replay_3k": ">= 30000", "live.cold_sync": "<= 3", "live.cold_sync_rss": "<= 40"}
TICK = os.sysconf("SC_CLK_TCK")
CONNECTED = 120  # seconds that anything may take


def say(name, unit, values, **more):
    bench_line.say(name, unit, values, **more, **({"target": TARGETS[name]} if name in TARGETS else {}))


class Bench:
    def __init__(self, cluster):
        self.cluster = cluster
        self.environment = cluster.environment()
        self.server = cluster.process("kube-apiserver")

    def program(self, name, *arguments):
        return AskedProgram(self.cluster, PROGRAMS / name, "--kubeconfig", self.environment["KUBECONFIG"], *arguments)

    def server_seconds(self):
        """Of CPU that the API server has used."""
        with open(f"/proc/{self.server}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def fill(self, namespace, bytes_each, pods, nodes):
        with self.program("api-load", "--namespace", namespace) as load:
            made = load.ask("pods", "p", pods, bytes_each, nodes, timeout=900)
        name = f"live.create_pods_{bytes_each // 1000}k"
        say(name, "pods/s", [made["writes"] / made["seconds"]], objects=made["writes"])

    def sync(self, *arguments):
        """A probe from its start until it has synced: what it says then, of itself and of its memory before and after."""
        before = self.server_seconds()
        with self.program("store-probe", *arguments) as probe:
            at_start = probe.ask("usage")
            synced = probe.ask("wait synced", CONNECTED)
            assert synced["reached"], "not synced"
            used = probe.ask("usage")
            trimmed = probe.ask("trim")
            server = self.server_seconds() - before
        return {**synced, "at_start": at_start, "usage": used, "trimmed": trimmed, "server_seconds": server}

    def replay(self, name, namespace, pods, *arguments):
        runs = [self.sync("--kinds", "Pod", "--namespace", namespace, *arguments) for _ in range(CALLS)]
        kinds = [run["kinds"]["Pod"] for run in runs]
        assert all(kind["objects"] == pods for kind in kinds), f"there should be {pods} pods: {kinds}"
        size = round(kinds[0]["replay"]["bytes"] / pods)
        say(name, "events/s", [pods / kind["seconds"] for kind in kinds], size=size)
        say(f"{name}_bytes", "MB/s", [kind["replay"]["bytes"] / kind["seconds"] / 1e6 for kind in kinds], size=size)
        say(f"{name}_time", "s", [kind["seconds"] for kind in kinds])
        say(f"{name}_cpu", "us/event", [run["usage"]["cpu_seconds"] * 1e6 / pods for run in runs])
        say(f"{name}_server_cpu", "us/event", [run["server_seconds"] * 1e6 / pods for run in runs])

    def drain(self, name, namespace, pods):
        """The same events to a client that reads nothing of them: more no client gets of this API server."""
        runs = [json.loads(self.cluster.run("exec", "--", sys.executable, DRAIN, namespace).stdout) for _ in range(CALLS)]
        say(name, "events/s", [pods / run["seconds"] for run in runs], limit="what the API server sends")
        say(f"{name}_bytes", "MB/s", [run["bytes"] / run["seconds"] / 1e6 for run in runs])

    def cold_sync(self, name, pods, nodes, *arguments):
        runs = [self.sync(*arguments) for _ in range(CALLS)]
        for run in runs:
            assert run["kinds"]["Pod"]["objects"] == pods and run["kinds"]["Node"]["objects"] == nodes, run["kinds"]
        say(name, "s", [run["seconds"] for run in runs], pods=pods, nodes=nodes)
        for what, usage, field in (("rss_at_start", "at_start", "rss_kb"), ("rss", "usage", "rss_kb"), ("rss_peak", "usage", "peak_kb"),
                                   ("rss_trimmed", "trimmed", "rss_kb"), ("heap", "usage", "heap_kb")):
            say(f"{name}_{what}", "MB", [run[usage][field] * 1024 / 1e6 for run in runs])
        say(f"{name}_cpu", "s", [run["usage"]["cpu_seconds"] for run in runs])
        say(f"{name}_server_cpu", "s", [run["server_seconds"] for run in runs])

    def live(self, namespace, changes):
        """Changes as fast as the API server takes them, to a probe that watches all kinds; then as many while it stands still."""
        with self.program("store-probe") as probe, self.program("api-load", "--namespace", namespace) as load:
            probe.ask("wait synced", CONNECTED)
            before = probe.ask("usage")
            touched = load.ask("touch", "p", changes, timeout=900)
            probe.ask("wait version Pod", load.ask("mark")["Pod"], CONNECTED)
            after = probe.ask("usage")
            say("live.watch", "events/s", [touched["writes"] / touched["seconds"]], limit="what the API server writes")
            cpu = after["cpu_seconds"] - before["cpu_seconds"]
            say("live.watch_cpu", "us/event", [cpu * 1e6 / touched["writes"]])
            say("live.watch_rss", "MB", [after["rss_kb"] * 1024 / 1e6], events=touched["writes"])
            os.kill(probe.pid, signal.SIGSTOP)
            try:
                load.ask("touch", "p", changes, timeout=900)
                last = load.ask("mark")["Pod"]
            finally:
                os.kill(probe.pid, signal.SIGCONT)
            began = os.times().elapsed
            assert probe.ask("wait version Pod", last, CONNECTED)["reached"]
            seconds = os.times().elapsed - began
            say("live.catch_up", "events/s", [changes / seconds], seconds=round(seconds, 3), restarts=probe.ask("counts")["Pod"]["restarts"])
            say("live.catch_up_rss", "MB", [probe.ask("usage")["rss_kb"] * 1024 / 1e6])


def main(pods=10000, nodes=1000):
    with LiveCluster("bench", "--nodes", "0") as cluster:
        for namespace in ("bench-3k", "bench-12k"):
            cluster.kubectl("create", "namespace", namespace)
            cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", namespace, "--timeout=30s")
        # It would declare the nodes dead, which have no kubelet, and their pods with them.
        cluster.kill_process("kube-controller-manager")
        bench = Bench(cluster)
        with bench.program("api-load") as load:
            load.ask("nodes", nodes, timeout=900)
        bench.fill("bench-3k", SMALL, pods, nodes)
        bench.cold_sync("live.cold_sync", pods, nodes)
        bench.cold_sync("live.cold_sync_by_pages", pods, nodes, "--by-pages")
        bench.replay("live.replay_3k", "bench-3k", pods)
        bench.drain("live.drain_3k", "bench-3k", pods)
        bench.live("bench-3k", pods)
        large = pods // 2
        bench.fill("bench-12k", LARGE, large, nodes)
        bench.replay("live.replay_12k", "bench-12k", large)
        bench.drain("live.drain_12k", "bench-12k", large)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
