"""pd-operator on a real cluster: two nodes with fake NPUs, an agent on each, the operator, as processes in the cluster's network.

    with PdSystem("demo") as system:
        system.apply(manifest)
        system.wait_ready("qwen")
        system.table(pod)["server_group_list"]
"""
import contextlib
import json
import queue
import selectors
import subprocess
import threading
import time

import chart
from live_cluster import PROGRAMS, ROOT, SCRIPT, LiveCluster

NODES = ("real-0", "real-1")
OPERATOR_PORT = 8080  # of probes and metrics; all programs are in one network
AGENT_PORTS = {node: OPERATOR_PORT + 1 + index for index, node in enumerate(NODES)}
IMAGE = ROOT / "build" / "image" / "pd-operator.tar"
GATE_IMAGE = "localhost/pd-operator:dev"
# The conditions of a deployment for which nothing is left to be done.
SETTLED = {"Ready": "True", "Available": "True", "Progressing": "False", "TemplatesValid": "True", "DevicesDiscovered": "True",
           "RanktableReady": "True", "RanktableDelivered": "True"}
MOUNT_PATH = "/etc/pd-operator/ranktable"


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return None


class PdSystem(LiveCluster):
    operator_user, agent_user = "pd-operator", "pd-agent"  # as whom the processes ask

    def __init__(self, purpose, progress=lambda _: None, options=()):
        super().__init__(purpose, "--nodes", len(NODES), "--npu-plugin", PROGRAMS / "fake-npu-plugin",
                         "--hccn-tool", PROGRAMS / "fake-hccn-tool", *options)
        self.progress = progress

    def __enter__(self):
        self.progress(f"a cluster of {len(NODES)} nodes, 8 NPUs each")
        super().__enter__()
        try:
            self.progress("the image on both nodes")
            self.run("load-image", IMAGE)
            self.install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def install(self):
        self.progress("the CRD, and the roles of operator and agent")
        self.apply(chart.CRD)
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", chart.CRD)
        self.apply(chart.roles())
        self.progress("pd-agent on both nodes, pd-operator")
        for node in NODES:
            self.start_agent(node)
        self.start_operator()

    def start_agent(self, node, *arguments):
        return self.start_process(f"pd-agent-{node}", SCRIPT, "node-exec", "--name", self.name, node, "--", PROGRAMS / "pd-agent",
                                  "--node-name", node, "--kubeconfig", self.kubeconfig(self.agent_user),
                                  "--metrics-address", f":{AGENT_PORTS[node]}", *arguments)

    def start_operator(self, *arguments, name="pd-operator", program="pd-operator", environment=None, leader_elect=False):
        """Unless it is one of several, it need not wait for a lease that a killed one held."""
        return self.start_process(name, SCRIPT, "exec", "--name", self.name, "--", PROGRAMS / program, "--kubeconfig",
                                  self.kubeconfig(self.operator_user), "--gate-image", GATE_IMAGE, "--gate-image-pull-policy", "Never",
                                  f"--leader-elect={str(leader_elect).lower()}", *arguments, environment=environment)

    # Waiting: on what the API server tells, never on time alone.

    def until(self, kind, holds, *arguments, timeout=60, what=""):
        """Waits until holds(objects) for all objects of a kind, looking after each change; answers what holds() answered."""
        deadline = time.monotonic() + timeout
        command = [str(SCRIPT), "kubectl", "--name", self.name, "get", kind, "--watch", "-o", "name", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as watch:
            try:
                with selectors.DefaultSelector() as selector:
                    selector.register(watch.stdout, selectors.EVENT_READ)
                    while True:
                        objects = self.get(kind, *arguments)["items"]
                        answer = holds(objects)
                        if answer:
                            return answer
                        left = deadline - time.monotonic()
                        if left <= 0:
                            raise TimeoutError(f"not within {timeout} s: {what or holds}\n{json.dumps(objects)[:6000]}")
                        # A second at most, since a change may have come before the watch had begun.
                        if selector.select(min(left, 1.0)):
                            watch.stdout.read(65536)
            finally:
                watch.kill()

    @contextlib.contextmanager
    def watch_addresses(self, selector, namespace="default"):
        """Yields a function that answers when (in milliseconds since the epoch) the API server first told of an address of a
        pod whose UID is not the given one. By then kubelet has given the pod its NPUs as well."""
        command = [str(SCRIPT), "kubectl", "--name", self.name, "get", "pods", "-n", namespace, "-l", selector, "--watch", "-o",
                   'jsonpath={.metadata.uid}{" "}{.status.podIP}{"\\n"}']
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as watch:
            told = queue.Queue()
            running = threading.Event()

            def read():
                for line in watch.stdout:
                    told.put((time.time() * 1000, *line.strip().partition(" ")[::2]))
                    running.set()

            def placed(other_than):
                while True:
                    moment, uid, address = told.get(timeout=30)
                    if address and uid != other_than:
                        return moment

            reader = threading.Thread(target=read)
            reader.start()
            try:
                if not running.wait(timeout=30):
                    raise TimeoutError(f"kubectl did not watch the pods with {selector}")
                yield placed
            finally:
                watch.kill()
                reader.join()

    def wait_ready(self, name, namespace="default", timeout=90):
        done = self.kubectl("wait", "--for=condition=Ready", f"pdd/{name}", "-n", namespace, f"--timeout={timeout}s", check=False)
        if done.returncode != 0:
            raise TimeoutError(f"{namespace}/{name} did not become Ready: {done.stderr}\n{self.story(namespace)}")

    def wait_settled(self, name, namespace="default", timeout=90):
        """Until all is well: the spec was read, every pod is Ready, in the table, and has confirmed that it sees it."""
        def settled(_):
            deployment = self.get("pdd", name, "-n", namespace)
            status = deployment.get("status", {})
            conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", ())}
            return (status.get("observedGeneration") == deployment["metadata"]["generation"] and conditions == SETTLED and
                    status["ranktable"]["generation"] == self.generation(name, namespace))
        self.until("pdd", settled, "-n", namespace, timeout=timeout, what=f"{name} is settled")

    def story(self, namespace):
        """What is there, for the message of a failure."""
        parts = [self.kubectl("get", "pdd,pods,configmaps", "-n", namespace, "-o", "wide", check=False).stdout,
                 self.kubectl("get", "pdd", "-n", namespace, "-o", "jsonpath={.items[*].status.conditions}", check=False).stdout]
        for process in list(self.processes):
            with contextlib.suppress(OSError):
                parts.append(f"--- {process}\n" + "\n".join(self.log(process).splitlines()[-15:]))
        return "\n".join(parts)

    # What the deployment is made of.

    def pods(self, deployment, role=None, namespace="default"):
        """Its pods that are not terminating."""
        selector = f"pd-operator.io/deployment={deployment}" + (f",pd-operator.io/role={role}" if role else "")
        items = self.get("pods", "-n", namespace, "-l", selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def one_pod(self, deployment, role, namespace="default"):
        (pod,) = self.pods(deployment, role, namespace)
        return pod

    def config_map(self, deployment, namespace="default"):
        return self.get("configmap", f"{deployment}-ranktable", "-n", namespace)

    def generation(self, deployment, namespace="default"):
        """Of its ConfigMap; -1 while there is none."""
        maps = {item["metadata"]["name"]: item["data"] for item in self.get("configmaps", "-n", namespace)["items"]}
        return int(maps.get(f"{deployment}-ranktable", {}).get("generation", -1))

    def read_in_pod(self, pod, file):
        """The content of a file as a process in the pod's main container sees it."""
        meta = pod["metadata"]
        container = pod["spec"]["containers"][0]["name"]
        return self.kubectl("exec", "-n", meta["namespace"], meta["name"], "-c", container, "--", "/usr/local/bin/table-printer",
                            "--cat", f"{MOUNT_PATH}/{file}").stdout.removesuffix("\n")  # its own: no table ends with one

    def table(self, pod, file="global_ranktable.json"):
        return json.loads(self.read_in_pod(pod, file))

    def wait_generation(self, pod, generation, timeout=30):
        """Waits inside the pod until its mounted tables have a generation; answers when, in milliseconds since the epoch."""
        meta = pod["metadata"]
        container = pod["spec"]["containers"][0]["name"]
        said = self.kubectl("exec", "-n", meta["namespace"], meta["name"], "-c", container, "--", "/usr/local/bin/table-printer",
                            "--wait-for-generation", generation, "--timeout", f"{timeout}s").stdout
        return int(said.split()[0])

    def node_annotation(self, node, name):
        text = self.get("node", node)["metadata"].get("annotations", {}).get(f"pd-operator.io/{name}")
        return json.loads(text) if text else None

    def allocated(self, pod):
        """The NPUs that kubelet's device plugin gave to a pod, from the environment that the container was started with."""
        node, meta = pod["spec"]["nodeName"], pod["metadata"]
        container = pod["spec"]["containers"][0]["name"]
        identifier = next(status["containerID"] for status in pod["status"]["containerStatuses"] if status["name"] == container)
        told = self.run("node-exec", node, "--", "ctr", "-n", "k8s.io", "containers", "info",
                        identifier.removeprefix("containerd://")).stdout
        for entry in json.loads(told)["Spec"]["process"]["env"]:
            if entry.startswith("ASCEND_VISIBLE_DEVICES="):
                return sorted(int(part) for part in entry.partition("=")[2].split(","))
        raise AssertionError(f"no ASCEND_VISIBLE_DEVICES in {meta['name']}")

    def kill_container(self, pod):
        """The first one of a pod dies by SIGKILL."""
        status = pod["status"]["containerStatuses"][0]
        self.run("node-exec", pod["spec"]["nodeName"], "--", "ctr", "-n", "k8s.io", "tasks", "kill", "--signal", "SIGKILL",
                 status["containerID"].removeprefix("containerd://"))
