"""The test cluster (tests/cluster/cluster) as Python tests see it."""
import json
import os
import pathlib
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "cluster" / "cluster"


class LiveCluster:
    """A cluster of its own, up while the `with` block runs:

    with LiveCluster("crd", "--nodes", "0") as cluster:
        cluster.apply(manifest)
        cluster.get("pods", "-n", "default")["items"]
    """

    def __init__(self, purpose, *options):
        self.name = f"{purpose}-{os.getpid()}"
        self.options = options

    def __enter__(self):
        # Ended by SIGTERM, Python would leave without taking the cluster down.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self.run("up", *self.options)
        except BaseException:
            self.run("down", check=False)
            raise
        return self

    def __exit__(self, *_):
        self.run("down")

    def run(self, task, *arguments, stdin=None, check=True):
        """Runs a task of the cluster script; a failure carries what it said."""
        command = [str(SCRIPT), task, "--name", self.name, *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=600)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        return done

    def kubectl(self, *arguments, stdin=None, check=True):
        return self.run("kubectl", *arguments, stdin=stdin, check=check)

    def apply(self, manifest, *arguments, check=True):
        """Applies an object (or a path); with "--dry-run=server" nothing is stored."""
        if isinstance(manifest, (str, pathlib.Path)):
            return self.kubectl("apply", "-f", manifest, *arguments, check=check)
        return self.kubectl("apply", "-f", "-", *arguments, stdin=json.dumps(manifest), check=check)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)
