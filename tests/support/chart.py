"""The chart, as `helm template` renders it: tests take the CRD, the roles and the policies from what is installed.

    cluster.apply(chart.CRD)
    cluster.apply(chart.roles())                         # for the users pd-operator, pd-agent and the group pd-operators
    objects = chart.render("--set", "watchNamespaces={llm}")
"""
import functools
import json
import os
import subprocess

import yaml
from live_cluster import ROOT

CHART = ROOT / "charts" / "pd-operator"
CRD = CHART / "files" / "pddeployments.yaml"
RELEASE = "pd-operator"
NAMESPACE = "pd-system"
AGENT_POLICY = "pd-agent.pd-operator.io"  # of each release: there is one in a cluster
OPERATOR_USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
AGENT_ACCOUNT, WITHDRAW_ACCOUNT = f"{RELEASE}-agent", f"{RELEASE}-withdraw"
LAB = ("-f", CHART / "values-lab.yaml")
PROGRAMS = ROOT / "tests" / "cluster" / "programs"


@functools.cache
def helm_path(major=4):
    """The program of that version, built when it is missing."""
    subprocess.run([PROGRAMS / "build", f"helm{major}"], check=True, stdout=subprocess.DEVNULL)
    script = f'source "{PROGRAMS}/locations" && program_path helm{major}'
    return subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def helm(*arguments, major=4, check=True, environment=None):
    """Runs Helm away from anybody's own settings."""
    done = subprocess.run([helm_path(major), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300,
                          env={**os.environ, "HELM_CONFIG_HOME": "/nonexistent", "KUBECONFIG": "/nonexistent", **(environment or {})})
    if check and done.returncode != 0:
        raise RuntimeError(f"helm {' '.join(map(str, arguments))} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done


def render(*arguments, namespace=NAMESPACE, major=4):
    """All objects, those of hooks as well."""
    said = helm("template", RELEASE, CHART, "-n", namespace, *LAB, *arguments, major=major).stdout
    return [item for item in yaml.safe_load_all(said) if item]


def component(item):
    return item["metadata"].get("labels", {}).get("app.kubernetes.io/component")


def as_list(items):
    return {"apiVersion": "v1", "kind": "List", "items": items}


def user(kind, name):
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


SUBJECTS = {"operator": [user("User", "pd-operator"), user("Group", "pd-operators")], "agent": [user("User", "pd-agent")]}


@functools.cache
def roles_as_text():
    items = []
    for item in render(namespace="default"):
        if item["apiVersion"].startswith("rbac.") and component(item) in SUBJECTS:
            if "subjects" in item:
                item["subjects"] = SUBJECTS[component(item)]
            items.append(item)
    return json.dumps(as_list(items))


def roles():
    """What operator and agent may do, for programs that run outside of pods: as users. The Lease is in namespace default."""
    return json.loads(roles_as_text())


def node_policies():
    """Accounts, roles and policies of the agents and of the job that withdraws what they have written."""
    kinds = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    return as_list([item for item in render() if item["kind"] in kinds and component(item) in ("agent", "withdraw")])


def withdrawal(*arguments):
    """The job that withdraws what agents have written, with all that it needs: else Helm makes it, at the end of an uninstall."""
    return as_list([item for item in render(*arguments) if component(item) == "withdraw"])
