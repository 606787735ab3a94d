"""pd-operator for one namespace of the integration tests' cluster, and what it does there."""
import json

import chart
from live_cluster import PROGRAMS, SCRIPT, wait_for


class OperatorProcess:
    """Of a namespace of its own, up while the `with` block runs."""

    def __init__(self, cluster, namespace):
        self.cluster = cluster
        self.namespace = namespace
        self.name = f"pd-operator-{namespace}"

    def __enter__(self):
        self.cluster.apply(chart.roles())
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", self.namespace, "--timeout=60s")
        self.cluster.start_process(
            self.name, SCRIPT, "exec", "--name", self.cluster.name, "--", PROGRAMS / "pd-operator", "--kubeconfig",
            self.cluster.kubeconfig("pd-operator"), "--namespace", self.namespace, "--gate-image", "localhost/none",
            "--metrics-address", "off", "--leader-elect=false")
        return self

    def __exit__(self, *_):
        self.cluster.stop_process(self.name)
        self.cluster.kubectl("delete", "namespace", self.namespace, "--wait=false")

    def kubectl(self, *arguments, **options):
        return self.cluster.kubectl(*arguments, "-n", self.namespace, **options)

    def get(self, kind, name):
        """The object; nothing when there is none."""
        said = self.kubectl("get", kind, name, "--ignore-not-found", "-o", "json").stdout
        return json.loads(said) if said else None

    def list(self, kind, *arguments):
        return self.cluster.get(kind, "-n", self.namespace, *arguments)["items"]

    def pods(self, deployment="qwen", role=None):
        selector = f"pd-operator.io/deployment={deployment}" + (f",pd-operator.io/role={role}" if role else "")
        return [pod for pod in self.list("pods", "-l", selector) if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, role, deployment="qwen"):
        (pod,) = self.pods(deployment, role)
        return pod

    def edit(self, spec, deployment="qwen"):
        self.kubectl("patch", "pdd", deployment, "--type=merge", "-p", json.dumps({"spec": spec}))

    def conditions(self, deployment="qwen"):
        status = self.get("pdd", deployment).get("status", {})
        return {condition["type"]: condition for condition in status.get("conditions", [])}

    def wait(self, holds, what, timeout=30):
        return wait_for(holds, timeout, lambda: f"{what}\n{self.story()}")

    def wait_condition(self, kind, status, reason=None, deployment="qwen", timeout=30):
        def holds():
            found = self.conditions(deployment).get(kind, {})
            return found if found.get("status") == status and reason in (None, found["reason"]) else None

        return self.wait(holds, f"{kind}={status} {reason or ''}", timeout)

    def wait_pods(self, count, deployment="qwen"):
        return self.wait(lambda: len(self.pods(deployment)) == count and self.pods(deployment), f"{count} pods")

    def table(self, deployment="qwen", key="global_ranktable.json"):
        found = self.get("configmap", f"{deployment}-ranktable")
        return json.loads(found["data"][key]) if found else {}

    def story(self):
        parts = [self.kubectl("get", "pdd,pods,services,poddisruptionbudgets,configmaps", "-o", "wide", check=False).stdout,
                 self.kubectl("get", "pdd", "-o", "jsonpath={.items[*].status.conditions}", check=False).stdout,
                 "\n".join(self.cluster.log(self.name).splitlines()[-15:])]
        return "\n".join(parts)
