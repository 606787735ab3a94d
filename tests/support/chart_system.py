"""Two real nodes with imitated NPUs and the image, where operator and agents are what Helm installs:

    with ChartSystem("demo", "pd-system") as system:
        system.helm("test", chart.RELEASE, "-n", "pd-system")
"""
import json

import chart
from pd_system import NODES, PdSystem, resident_mib

PRIVILEGED = "pd-agents"  # where the operator's namespace enforces `restricted`, agents are here


class HelmCluster(PdSystem):
    """Nothing is installed yet."""

    def install(self):
        pass

    def helm(self, *arguments, major=4, check=True):
        home = f"{self.state}/helm"
        settings = [f"HELM_{name}_HOME={home}/{name.lower()}" for name in ("CONFIG", "CACHE", "DATA")]
        try:
            return self.run("exec", "--", "env", *settings, chart.helm_path(major), *arguments, check=check)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{self.release_story()}") from error

    def release_story(self):
        """What became of its pods, for the message of a failure."""
        parts = [self.kubectl("get", "pods,jobs", "-A", "-o", "wide", check=False).stdout,
                 self.kubectl("get", "events", "-A", "--sort-by=.lastTimestamp", check=False).stdout[-4000:]]
        for pod in self.release_pods():
            meta = pod["metadata"]
            parts.append(f"--- {meta['name']}\n" + self.kubectl("logs", meta["name"], "-n", meta["namespace"], "--tail=10", check=False).stdout)
        return "\n".join(parts)

    def story(self, namespace):
        return f"{super().story(namespace)}\n{self.release_story()}"

    def create_namespace(self, name, enforce):
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": name, "labels": {"pod-security.kubernetes.io/enforce": enforce}}})
        self.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")

    def install_release(self, *arguments, namespace=chart.NAMESPACE, folder=chart.CHART, major=4):
        """The release with the lab's values; agents in a namespace of their own, since the operator's is `restricted`."""
        return self.helm("install", chart.RELEASE, folder, "-n", namespace, *chart.LAB, "--set", f"agent.namespace={PRIVILEGED}",
                         "--wait", "--timeout", "180s", *arguments, major=major)

    def release_pods(self, component=None):
        """Of the release, with all that is known of each."""
        selector = f"app.kubernetes.io/instance={chart.RELEASE}" + (f",app.kubernetes.io/component={component}" if component else "")
        return self.get("pods", "-A", "-l", selector)["items"]

    def release_memory(self):
        """Resident MiB of each of its programs, by pod."""
        pids = {}
        for node in NODES:
            for line in self.run("node-exec", node, "--", "ctr", "-n", "k8s.io", "tasks", "ls", "-q").stdout.split():
                told = self.run("node-exec", node, "--", "ctr", "-n", "k8s.io", "tasks", "ps", line).stdout.splitlines()
                pids[line] = int(told[1].split()[0])
        return {pod["metadata"]["name"]: sum(resident_mib(pids[status["containerID"].removeprefix("containerd://")])
                                             for status in pod["status"]["containerStatuses"]) for pod in self.release_pods()}

    def left_of_release(self):
        """Every object in the cluster that carries the release's label, but for the CRD: kind and name."""
        kinds = self.kubectl("api-resources", "--verbs=list,delete", "-o", "name").stdout.split()
        kinds = [kind for kind in kinds if kind not in ("events.events.k8s.io", "events")]
        found = self.kubectl("get", ",".join(kinds), "-A", "-l", f"app.kubernetes.io/instance={chart.RELEASE}", "-o", "json").stdout
        return sorted((item["kind"], item["metadata"]["name"]) for item in json.loads(found)["items"]
                      if item["kind"] != "CustomResourceDefinition")


class ChartSystem(HelmCluster):
    """Installed when it is entered, and uninstalled with its cluster."""

    values = ()  # more arguments for Helm

    def install(self):
        self.progress("helm install: the CRD, pd-operator, pd-agent on both nodes")
        self.create_namespace(chart.NAMESPACE, "restricted")
        self.create_namespace(PRIVILEGED, "privileged")
        self.install_release(*self.values)
