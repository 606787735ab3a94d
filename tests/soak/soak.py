"""Lets store-probe and pd-operator follow a changing cluster for a long time, through connections that break now and then, and
samples their memory and open files.

    soak.py MINUTES FOLDER      writes FOLDER/soak.csv and FOLDER/soak.svg; fails when what they need has grown
"""
import csv
import json
import pathlib
import statistics
import sys
import time

import draw
from asked_program import AskedProgram
from chart import CRD
from live_cluster import PROGRAMS, ROOT, SCRIPT, LiveCluster
from manifests import pddeployment

SAMPLE_SECONDS = 5
RATE = 20  # changes a second
MEAN_LIFE = 120  # of a connection, in seconds
PODS, NODES = 2000, 200  # that are there all the time
SEED = 5
GROWTH = 1.1  # of memory: what a burst of events leaves behind is no growth
MORE_FILES = 3  # likewise: connections that are just being made
FIELDS = ("seconds", "probe_rss_kb", "probe_files", "operator_rss_kb", "operator_files", "events", "restarts")


def sample(pid):
    """Resident memory in kB and the number of open files."""
    process = pathlib.Path("/proc", str(pid))
    lines = (process / "status").read_text(encoding="ascii").splitlines()
    rss = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return rss, len(list((process / "fd").iterdir()))


class Soak:
    def __init__(self, cluster, minutes, folder):
        self.cluster, self.seconds, self.folder = cluster, minutes * 60, folder
        self.rows = []

    def through(self, port):
        """A kubeconfig whose server is the proxy."""
        path = pathlib.Path(self.cluster.environment()["STATE"], "kubeconfig", "through-proxy")
        path.touch(mode=0o600)
        admin = pathlib.Path(self.cluster.environment()["KUBECONFIG"]).read_text(encoding="utf-8")
        path.write_text(admin.replace("https://10.96.0.1:443", f"https://127.0.0.1:{port}"), encoding="utf-8")
        return path

    def run(self):
        admin = self.cluster.environment()["KUBECONFIG"]
        support = ROOT / "tests" / "support"
        with (open(self.folder / "probe.log", "wb") as log,
              AskedProgram(self.cluster, PROGRAMS / "api-load", "--kubeconfig", admin) as load,
              AskedProgram(self.cluster, sys.executable, support / "cutting_proxy.py", "10.96.0.1", 443, SEED) as proxy):
            kubeconfig = self.through(proxy.answer()["port"])
            load.ask("nodes", NODES)
            load.ask("pods", "stays", PODS, 3000, NODES)
            operator = self.cluster.start_process(
                "pd-operator", SCRIPT, "exec", "--name", self.cluster.name, "--", PROGRAMS / "pd-operator", "--kubeconfig", kubeconfig,
                "--gate-image", "localhost/none", "--leader-elect=false")
            with AskedProgram(self.cluster, PROGRAMS / "store-probe", "--kubeconfig", kubeconfig, log=log) as probe:
                assert probe.ask("wait synced", 60)["reached"]
                load.ask("churn", RATE, SEED)
                proxy.ask("cut", MEAN_LIFE)
                self.watch(probe, operator)
                self.last = {"writes": load.ask("calm"), "proxy": proxy.ask("pass"), "probe": probe.ask("counts")}
                for kind, version in load.ask("mark").items():
                    assert probe.ask("wait version", kind, version, 170)["reached"], f"{kind} is behind"

    def watch(self, probe, operator):
        """A sample each SAMPLE_SECONDS; and each time the deployment gets another size, so that the operator works too."""
        began = time.monotonic()
        with open(self.folder / "soak.csv", "w", encoding="ascii", newline="") as file:
            table = csv.DictWriter(file, FIELDS)
            table.writeheader()
            for number in range(int(self.seconds / SAMPLE_SECONDS) + 1):
                time.sleep(max(0.0, began + number * SAMPLE_SECONDS - time.monotonic()))
                self.resize(1 + number % 3)
                assert operator.poll() is None, f"pd-operator has ended: {self.cluster.log('pd-operator')[-2000:]}"
                counts = probe.ask("counts").values()
                row = dict(zip(FIELDS, (round(time.monotonic() - began), *sample(probe.pid), *sample(operator.pid),
                                        sum(kind["changes"] for kind in counts),
                                        sum(sum(kind["restarts"].values()) for kind in counts))))
                self.rows.append(row)
                table.writerow(row)
                file.flush()

    def resize(self, instances):
        patch = json.dumps({"spec": {"decode": {"instances": instances}}})
        self.cluster.kubectl("patch", "pdd", "soak", "--type=merge", "-p", patch)

    def growth(self):
        """What grew from the second sixth of the time to the last, in words."""
        sixth = max(1, len(self.rows) // 6)
        early, late = self.rows[sixth:2 * sixth], self.rows[-sixth:]
        for field in FIELDS[1:5]:
            before, after = (statistics.median(row[field] for row in rows) for rows in (early, late))
            print(f"{field}: {before:g} -> {after:g}")
            if after > (before * GROWTH if field.endswith("_kb") else before + MORE_FILES):
                yield f"{field} grew from {before:g} to {after:g}"


def main(minutes, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with LiveCluster("soak", "--nodes", "0") as cluster:
        cluster.apply(CRD)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRD)
        cluster.apply(pddeployment("soak", "default"))
        # It would declare the nodes dead, which have no kubelet, and their pods with them.
        cluster.kill_process("kube-controller-manager")
        soak = Soak(cluster, float(minutes), folder)
        soak.run()
    draw.draw(folder / "soak.csv", folder / "soak.svg")
    print(json.dumps(soak.last))
    grown = list(soak.growth())
    if grown:
        sys.exit("soak: " + "; ".join(grown))


if __name__ == "__main__":
    main(*sys.argv[1:])
