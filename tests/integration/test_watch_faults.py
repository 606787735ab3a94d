"""What the reflectors hold is what the API server holds, whatever happens in between: connections that are cut, the API server
killed, etcd compacted. Each round of that ends with a comparison of everything.

PD_API_SERVER_KILLS: rounds (default 3). PD_FAULT_SEED: of the changes and the cuts (default: another each time)."""
import hashlib
import json
import os
import random
import sys

import pytest
from asked_program import AskedProgram
from live_cluster import PROGRAMS, ROOT, LiveCluster, patience

ROUNDS = int(os.environ.get("PD_API_SERVER_KILLS", "3"))
SEED = int(os.environ.get("PD_FAULT_SEED", random.randrange(1 << 32)))
KINDS = {"Pod": "pods", "Node": "nodes", "ConfigMap": "configmaps"}
RATE = 150  # changes a second
SOME = 150  # changes: a second of them
MEAN_LIFE = 0.5  # of a connection, in seconds
SETTLED_WITHIN = patience(120)  # seconds: back-offs between attempts grow to one minute
SILENCE = 1  # second after which a watch is given up


class World:
    """The probe behind the proxy, and who makes changes."""

    def __init__(self, cluster, proxy, probe, load):
        self.cluster, self.proxy, self.probe, self.load = cluster, proxy, probe, load

    def compact(self):
        self.cluster.run("exec", "--", sys.executable, ROOT / "tests" / "support" / "compact_etcd.py")

    def fresh(self, kind):
        """All objects of a kind, as kubectl is told: the lines KEY@RESOURCEVERSION that the probe digests."""
        items = json.loads(self.cluster.kubectl("get", "--raw", f"/api/v1/{KINDS[kind]}").stdout)["items"]
        versions = {}
        for item in items:
            meta = item["metadata"]
            key = f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else meta["name"]
            versions[key] = meta["resourceVersion"]
        return versions

    def assert_same(self, kind, version):
        """Once the probe has come to that version, and past what somebody else may have changed since."""
        before = None
        while True:
            assert self.probe.ask("wait version", kind, version, SETTLED_WITHIN)["reached"], f"{kind}: not at {version}"
            fresh = self.fresh(kind)
            told = self.probe.ask("digest", kind)
            lines = "".join(f"{key}@{version}\n" for key, version in sorted(fresh.items()))
            if told == {"objects": len(fresh), "digest": "sha256:" + hashlib.sha256(lines.encode()).hexdigest()}:
                return len(fresh)
            # The controller manager goes on working. Two fresh lists that are the same leave it no excuse.
            held = self.probe.ask("objects", kind)
            differing = {key: (held.get(key), fresh.get(key)) for key in held.keys() | fresh.keys() if held.get(key) != fresh.get(key)}
            assert fresh != before, f"{kind}: (probe, API server) differ: {differing}"
            before, version = fresh, max(fresh.values(), key=int)


@pytest.fixture(scope="module")
def cluster():
    with LiveCluster("watch-faults", "--nodes", "0") as cluster:
        yield cluster


@pytest.fixture
def world(cluster, tmp_path):
    kubeconfig = cluster.environment()["KUBECONFIG"]
    with (open(tmp_path / "probe.log", "wb") as log, open(tmp_path / "load.log", "wb") as load_log,
          AskedProgram(cluster, sys.executable, ROOT / "tests" / "support" / "cutting_proxy.py", "10.96.0.1", 443, SEED) as proxy,
          AskedProgram(cluster, PROGRAMS / "store-probe", "--kubeconfig", kubeconfig, "--silence", SILENCE,
                       "--server", f"https://127.0.0.1:{proxy.answer()['port']}", log=log) as probe,
          AskedProgram(cluster, PROGRAMS / "api-load", "--kubeconfig", kubeconfig, log=load_log) as load):
        yield World(cluster, proxy, probe, load)


def test_stores_survive_cuts_kills_and_compactions(world):
    print(f"PD_FAULT_SEED={SEED}")
    compared = {}
    for number in range(ROUNDS):
        world.load.ask("churn", RATE, SEED + number)
        world.proxy.ask("cut", MEAN_LIFE)
        world.load.ask("wait", SOME)
        if number % 2 == 0:
            # What changes now the probe will have missed, and the API server will have forgotten.
            world.proxy.ask("hold")
            world.load.ask("wait", SOME)
            world.compact()
        world.cluster.run("restart-api-server")
        world.load.ask("wait", SOME)
        world.proxy.ask("cut", MEAN_LIFE)
        world.load.ask("wait", SOME)
        if number % 2 == 1:
            world.compact()
            world.load.ask("wait", SOME)
        world.load.ask("calm")
        world.proxy.ask("pass")
        for kind, version in world.load.ask("mark").items():
            compared[kind] = compared.get(kind, 0) + world.assert_same(kind, version)
    cuts = world.proxy.ask("pass")["cuts"]
    restarts = {kind: counts["restarts"] for kind, counts in world.probe.ask("counts").items()}
    print(f"{ROUNDS} rounds, {cuts} cuts, compared {compared}, restarts {restarts}")
    # The faults did happen.
    assert cuts >= ROUNDS
    assert all(compared[kind] >= ROUNDS for kind in KINDS)
    for reason in ("failed", "gone"):
        assert sum(counts.get(reason, 0) for counts in restarts.values()) > 0, restarts
