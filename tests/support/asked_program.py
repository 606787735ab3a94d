"""A program in a test cluster's network that answers each line on its stdin by one line of JSON on its stdout.

    with AskedProgram(cluster, PROGRAMS / "store-probe", "--kubeconfig", kubeconfig) as probe:
        probe.ask("digest Pod")["objects"]
"""
import json
import select
import subprocess

from live_cluster import SCRIPT, check_status, patience


class AskedProgram:
    def __init__(self, cluster, *command, log=subprocess.DEVNULL):
        self.name = str(command[0])
        self.log = getattr(log, "name", "nowhere")
        # The script executes into the program: this pid is the program's.
        self.process = subprocess.Popen([str(SCRIPT), "exec", "--name", cluster.name, "--", *map(str, command)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=log, bufsize=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """It ends with its stdin; one that does not is killed, and that is an error."""
        self.process.stdin.close()
        try:
            check_status(self.name, self.process.wait(timeout=patience(30)), f"(its stderr: {self.log})")
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

    @property
    def pid(self):
        return self.process.pid

    def ask(self, *words, timeout=180):
        line = " ".join(map(str, words))
        self.process.stdin.write(line.encode() + b"\n")
        answer = self.answer(timeout)
        if "error" in answer:
            raise RuntimeError(f"{self.name}, asked to \"{line}\": {answer['error']}")
        return answer

    def answer(self, timeout=30):
        """The next line, which may be what it says at its start."""
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], patience(timeout))[0]:
                raise TimeoutError(f"{self.name} said nothing within {patience(timeout)} s")
            more = self.process.stdout.read(1 << 16)
            if not more:
                raise RuntimeError(f"{self.name} has ended")
            line += more
        return json.loads(line)
