"""The release that the end-to-end tests look at, as Helm installs it. A test can have a part of it taken away for a time, to see what
happens without it or to start a process in its place:

    with EndToEndSystem("e2e") as system:
        with system.without_agent("real-0"):
            system.start_agent("real-0", "--source", "hccn_conf")
        with system.without_operator():
            system.start_operator()
"""
import contextlib
import time

import chart
from chart_system import PRIVILEGED, ChartSystem
from life import is_ready
from pd_system import NODES

REPLICAS = 2  # the chart's default
# The label of NPU nodes on some clouds; here, of those that are to have an agent.
LABEL, VALUE = "accelerator", "huawei-Ascend910"
# As whom the release's pods ask.
ACCOUNTS = chart.OPERATOR_USER, f"system:serviceaccount:{PRIVILEGED}:{chart.AGENT_ACCOUNT}"


class EndToEndSystem(ChartSystem):
    values = ("--set", f"agent.nodeSelector.{LABEL}={VALUE}")
    # A process asks as what it takes the place of. An agent can't: the release's policy wants the token of a pod on the node.
    operator_user = chart.OPERATOR_USER

    def __init__(self, purpose):
        super().__init__(purpose)
        self.outages = []  # of the API server: (begin, end), in seconds since the epoch

    def install(self):
        for node in NODES:
            self.kubectl("label", "node", node, f"{LABEL}={VALUE}")
        super().install()
        self.kubectl("create", "clusterrolebinding", "agent-processes", f"--clusterrole={chart.AGENT_ACCOUNT}",
                     f"--user={self.agent_user}")

    # The API server.

    def restart_api_server(self):
        """Until it is ready, it refuses even what roles allow: it has read none of them yet."""
        began = time.time()
        self.run("restart-api-server")
        self.outages.append((began, time.time()))

    def was_ready(self, moment):
        return not any(began <= moment <= ended for began, ended in self.outages)

    # The operator.

    @contextlib.contextmanager
    def without_operator(self):
        """No pod of it is there in this block; at its end all are back and Ready."""
        try:
            self.scale_operator(0)
            yield
        finally:
            self.scale_operator(REPLICAS)

    def scale_operator(self, replicas):
        self.kubectl("scale", "deployment", chart.RELEASE, "-n", chart.NAMESPACE, f"--replicas={replicas}")
        self.wait_operator()

    def wait_operator(self):
        """Until as many pods are Ready as there are to be, and none else is there."""
        replicas = self.get("deployment", chart.RELEASE, "-n", chart.NAMESPACE)["spec"]["replicas"]
        self.until("pods", lambda pods: len(pods) == replicas and all(stays_ready(pod) for pod in pods), "-n", chart.NAMESPACE, "-l",
                   "app.kubernetes.io/component=operator", timeout=120, what=f"{replicas} Ready operator pods")

    def leader(self):
        """The operator's pod that leads, as soon as one does: the Lease may be free, or name a pod that is gone."""
        def holder(leases):
            names = [lease["spec"].get("holderIdentity") or "" for lease in leases]
            return next((pod for pod in self.release_pods("operator") for name in names if name.startswith(pod["metadata"]["name"])), None)
        return self.until("leases", holder, "-n", chart.NAMESPACE, "--field-selector", f"metadata.name={chart.RELEASE}",
                          what="an operator leads")

    # The agents.

    @contextlib.contextmanager
    def without_agent(self, node):
        """The node has none in this block; at its end it has one that is Ready: the Node says what that one has found."""
        try:
            self.kubectl("label", "node", node, f"{LABEL}-")
            self.wait_agents(node, lambda pods: not pods, "gone")
            yield
        finally:
            self.kubectl("label", "node", node, "--overwrite", f"{LABEL}={VALUE}")
            self.wait_agents(node, lambda pods: pods and all(stays_ready(pod) for pod in pods), "Ready")

    def wait_agents(self, node, holds, what):
        self.until("pods", holds, "-n", PRIVILEGED, "--field-selector", f"spec.nodeName={node}", timeout=120,
                   what=f"{node}'s agent is {what}")

    def agent(self, node):
        """Its pod on that node."""
        (pod,) = self.get("pods", "-n", PRIVILEGED, "--field-selector", f"spec.nodeName={node}")["items"]
        return pod

    def forget_npus(self, node):
        """Removes what agents have written to a Node."""
        self.kubectl("annotate", "node", node, "pd-operator.io/npu-inventory-", "pd-operator.io/npu-allocations-")


def stays_ready(pod):
    return is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
