"""The test cluster (tests/cluster/cluster) as Python tests see it."""
import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "cluster" / "cluster"
PRESET = os.environ.get("PD_PRESET", "release")
PROGRAMS = ROOT / "build" / PRESET / "bin"
SLOWNESS = {"asan": 3, "tsan": 5}.get(PRESET, 1)
SANITIZER_STATUS = 66  # of a program that ThreadSanitizer and the like have stopped (scripts/test.sh)


def patience(seconds):
    """How long to wait for what the release programs do within that time."""
    return seconds * SLOWNESS


def wait_for(condition, timeout, what):
    """Asks until there is an answer."""
    deadline = time.monotonic() + patience(timeout)
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {patience(timeout)} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def check_status(name, status, said):
    """Answers it, unless a sanitizer has found something: UBSan tells it on stderr, the others in a file."""
    assert status != SANITIZER_STATUS, f"a sanitizer has stopped {name}: see build/log/sanitizer-{PRESET}, or below\n{said}"
    return status


class LiveCluster:
    """A cluster of its own, up while the `with` block runs:

    with LiveCluster("crd", "--nodes", "0") as cluster:
        cluster.apply(manifest)
        cluster.get("pods", "-n", "default")["items"]

    Programs started in its network are ended with it.
    """

    def __init__(self, purpose, *options):
        self.name = f"{purpose}-{os.getpid()}"
        self.options = options
        self.processes = {}
        self.state = None

    def __enter__(self):
        # Ended by SIGTERM, Python would leave without taking the cluster down.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self.run("up", *self.options)
            self.state = dict(line.split("=", 1) for line in self.run("env").stdout.split())["STATE"]
        except BaseException:
            self.run("down", check=False)
            raise
        return self

    def __exit__(self, *_):
        try:
            for name in list(self.processes):
                self.stop_process(name)
        finally:
            self.run("down")

    def run(self, task, *arguments, stdin=None, check=True):
        """Runs a task of the cluster script; a failure carries what it said."""
        command = [str(SCRIPT), task, "--name", self.name, *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=patience(600))
        check_status(" ".join(command), done.returncode, done.stderr)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        return done

    def environment(self):
        """KUBECONFIG, STATE and NETNS of the cluster."""
        return dict(line.split("=", 1) for line in self.run("env").stdout.split())

    def process(self, name):
        """The pid of one of the cluster's processes: "kube-apiserver", "etcd", ..."""
        return int(pathlib.Path(self.environment()["STATE"], "processes", name).read_text(encoding="ascii").split()[0])

    def kill_process(self, name):
        os.kill(self.process(name), signal.SIGKILL)

    def kubectl(self, *arguments, stdin=None, check=True):
        return self.run("kubectl", *arguments, stdin=stdin, check=check)

    def apply(self, manifest, *arguments, check=True):
        """Applies an object (or a path); with "--dry-run=server" nothing is stored."""
        if isinstance(manifest, (str, pathlib.Path)):
            return self.kubectl("apply", "-f", manifest, *arguments, check=check)
        return self.kubectl("apply", "-f", "-", *arguments, stdin=json.dumps(manifest), check=check)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def kubeconfig(self, user, *group):
        return self.run("kubeconfig", user, *group).stdout.strip()

    # Processes, each with its pid and a log.

    def log_path(self, name):
        return f"{self.state}/log/{name}.log"

    def log(self, name):
        with open(self.log_path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def start_process(self, name, *command, environment=None):
        with open(self.log_path(name), "ab") as log:
            process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, **(environment or {})}, start_new_session=True)
        self.processes[name] = process
        return process

    def stop_process(self, name, kill=False):
        process = self.processes.pop(name)
        if process.poll() is None:
            process.kill() if kill else process.terminate()
        try:
            return check_status(name, process.wait(timeout=patience(20)), self.log(name))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
