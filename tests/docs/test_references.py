"""What the pages list is what the code has, and nothing else: reasons, events, metrics, alerts, fields; and Argo CD's health of each
kind of status."""
import json
import re
import subprocess
import sys

import pages
import pytest
import yaml
from live_cluster import ROOT

PLAN = ROOT / "src" / "plan"
CONDITIONS = ("Ready", "Available", "Progressing", "TemplatesValid", "DevicesDiscovered", "RanktableReady", "RanktableDelivered")
# Words of src/plan that look like a reason and are something else, by what they are.
NO_REASONS = {
    "statuses": {"True", "False", "Unknown"},
    "kinds": {"ConfigMap", "Pod", "PodDisruptionBudget", "Service", "ReplicaSet", "StatefulSet"},
    "states and phases": {"Completed", "Initializing", "Failed", "Succeeded"},
    "values of fields": {"AscendCloud", "PerInstance", "HostIP", "Restart", "Reload", "Gone", "Always", "None", "RuntimeDefault"},
    "actions of events": {"Publish", "Discover", "Adopt", "CreatePod"},
    # A pod that has no node is what RanktableReady is about, and never the worst that DevicesDiscovered has to say.
    "of the planner alone": {"PodUnbound"},
}
SHARED = {"Available", "Ready"}  # conditions' types, reasons, a policy


def code(*names):
    return "\n".join((PLAN / name).read_text(encoding="utf-8") for name in names)


def answers(text, function):
    """What a function that tells a reason by a switch may answer."""
    body = re.search(rf"string_view {function}.*?\n}}", text, re.DOTALL)[0]
    return {case: word for case, word in re.findall(r"::(k\w+):\s+return \"(\w+)\";", body)}


def table_reasons():
    return set(answers(code("table.cpp"), r"reason_of\(TableVerdict").values())


def device_reasons():
    return answers(code("devices.cpp"), r"reason_of\(PlacementProblem")


def template_reasons():
    text = code("pod_template.cpp", "dry_run.cpp")
    return set(re.findall(r'Verdict::k\w+,\s*"(\w+)"', text)) | set(re.findall(r'check\.reason = "(\w+)"', text))


def own_reasons(condition):
    """Those that conditions.cpp itself gives to a condition."""
    calls = re.findall(rf"condition\(k{condition},(.*?)(?=condition\(k|\n}}\n)", code("conditions.cpp"), re.DOTALL)
    words = {word for call in calls for word in re.findall(r'"([A-Z][A-Za-z]+)"', call)}
    return words - NO_REASONS["statuses"]


def reasons_in_code():
    rollout = set(re.findall(r'progress\("(\w+)"', code("rollout.cpp")))
    adoption = set(re.findall(r'say\("(\w+)"', code("adopted.cpp")))
    delivery = set(re.findall(r'say\("\w+", "(\w+)"', code("delivery.cpp")))
    devices = set(device_reasons().values()) - NO_REASONS["of the planner alone"]
    return {"Ready": own_reasons("Ready"), "Available": own_reasons("Available"),
            "Progressing": own_reasons("Progressing") | rollout, "TemplatesValid": own_reasons("TemplatesValid") | template_reasons(),
            "DevicesDiscovered": own_reasons("DevicesDiscovered") | devices | adoption, "RanktableReady": table_reasons(),
            "RanktableDelivered": delivery}


def events_in_code():
    made = re.compile(r'\{(?:true|false), "(\w+)", "')
    found = set(made.findall(code("status.cpp", "plan.cpp") + (ROOT / "operator" / "controller.cpp").read_text(encoding="utf-8")))
    passed_on = re.findall(r"worst->problem == PlacementProblem::(k\w+)", code("status.cpp"))
    return found | {device_reasons()[problem] for problem in passed_on}


def documented(heading, language="en"):
    cells = pages.first_cells(pages.path_of("conditions", language), heading)
    assert len(cells) == len(set(cells)), f"{heading}: one is there twice"
    return set(cells)


@pytest.mark.parametrize("language", ("en", "zh"))
@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_page_has_each_reason_of_a_condition(condition, language):
    assert documented(condition, language) == reasons_in_code()[condition]


def test_no_reason_is_in_the_code_that_this_test_does_not_know():
    written = {word for path in PLAN.glob("*.cpp") for word in re.findall(r'"([A-Z][a-z]+(?:[A-Z][A-Za-z]*)?)"', path.read_text(encoding="utf-8"))}
    known = set.union(*reasons_in_code().values(), *NO_REASONS.values(), events_in_code(), SHARED)
    assert written <= known, written - known
    assert re.findall(r'kRanktable\w+ = "(\w+)"|k(?:Ready|Available|Progressing|TemplatesValid|DevicesDiscovered) = "(\w+)"', code("conditions.h"))


@pytest.mark.parametrize("language,heading", (("en", "Events"), ("zh", "事件")))
def test_the_page_has_each_event(language, heading):
    assert documented(heading, language) == events_in_code()


def metrics_in_code():
    text = "\n".join(path.read_text(encoding="utf-8") for folder in ("src", "operator", "daemonset", "gate") for path in (ROOT / folder).rglob("*.cpp"))
    return set(re.findall(r'"((?:pd_operator|pd_agent|controller_runtime|workqueue|rest_client|leader_election|process)_[a-z_]+)"', text))


def documented_metrics():
    """In the first column of monitoring.md; `a_b_total`, `_c_d` is also a_c_d or a_b_c_d: which of them, the code says."""
    known, found = metrics_in_code(), set()
    for row in re.findall(r"^\| (`[^|]*) \|", pages.read(ROOT / "docs" / "monitoring.md"), re.MULTILINE):
        names = re.findall(r"`(\w+)`", row)
        for name in names:
            if not name.startswith("_"):
                found.add(name)
                continue
            first = names[0]
            longer = {first.rsplit("_", count)[0] + name for count in range(1, first.count("_") + 1)}
            assert longer & known, f"monitoring.md: nothing is named {first}, {name}"
            found |= longer & known
    return {name for name in found if "_" in name}


def test_the_page_has_each_metric():
    assert documented_metrics() == metrics_in_code()


@pytest.mark.parametrize("language,heading", (("en", "Alerts"), ("zh", "告警")))
def test_the_page_has_each_alert(language, heading):
    groups = yaml.safe_load((ROOT / "charts" / "pd-operator" / "files" / "alerts.yaml").read_text(encoding="utf-8"))
    rules = {rule["alert"]: rule["labels"]["severity"] for group in groups for rule in group["rules"]}
    page = pages.path_of("operations", language)
    assert set(pages.first_cells(page, heading)) == set(rules)
    for alert, severity in rules.items():
        assert f"| `{alert}` | {severity} |" in pages.read(page)


def test_the_sizes_are_those_of_the_chart():
    values = yaml.safe_load((ROOT / "charts" / "pd-operator" / "values.yaml").read_text(encoding="utf-8"))
    for language in ("en", "zh"):
        text = pages.read(pages.path_of("operations", language))
        for program in ("operator", "agent"):
            asked = values[program]["resources"]
            assert f"{asked['requests']['cpu']}, {asked['requests']['memory']} | {asked['limits']['memory']}" in text, (language, program)
    assert "900 * 1024" in code("config_map.h") and "900 KiB" in text
    readme = pages.read(ROOT / "charts" / "pd-operator" / "README.md")
    assert "21 MB with some deployments, 47 MB with 1,000 nodes and 10,000 pods" in readme and "23 MB and 0.1 % of a core" in readme


def test_the_pages_of_fields_are_those_of_the_schema():
    subprocess.run([sys.executable, ROOT / "scripts" / "crd_fields.py", "--check"], check=True)


# Argo CD

HEALTH = ROOT / "examples" / "argocd" / "health.lua"
ALL_IS_WELL = {"Ready": ("True", "Ready"), "Available": ("True", "Available"), "Progressing": ("False", "Settled"),
               "TemplatesValid": ("True", "Valid"), "DevicesDiscovered": ("True", "Discovered"), "RanktableReady": ("True", "Published"),
               "RanktableDelivered": ("True", "Delivered")}


def as_lua(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{as_lua(key)}] = {as_lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(as_lua, value)) + "}"
    return json.dumps(value)


def health(deployment):
    """(status, message) as Argo CD would be told: it runs the script with the object in `obj`."""
    script = f"obj = {as_lua(deployment)}\nlocal health = (function()\n{HEALTH.read_text(encoding='utf-8')}\nend)()\n" \
             "print(health.status)\nprint(health.message)"
    said = subprocess.run(["lua5.1", "-"], input=script, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
    return tuple(said)


def deployment(changes=(), observed=3, **spec):
    conditions = {**ALL_IS_WELL, **dict(changes)}
    return {"metadata": {"name": "qwen", "generation": 3}, "spec": spec, "status": {"observedGeneration": observed, "conditions": [
        {"type": kind, "status": status, "reason": reason, "message": f"{kind} says {reason}."} for kind, (status, reason) in conditions.items()]}}


def test_health_of_what_nobody_has_looked_at():
    assert health({"metadata": {"generation": 1}, "spec": {}})[0] == "Progressing"
    assert health(deployment(observed=2)) == ("Progressing", "pd-operator has not looked at the last change yet")


@pytest.mark.parametrize("changes,wanted", [
    ({}, "Healthy"),
    ({"DevicesDiscovered": ("True", "LinkDown")}, "Healthy"),
    ({"RanktableDelivered": ("Unknown", "Unreachable")}, "Healthy"),
    ({"Ready": ("False", "NotReady"), "Progressing": ("True", "Starting")}, "Progressing"),
    ({"Ready": ("False", "WaitingForInstances"), "TemplatesValid": ("Unknown", "ResourceUnknown")}, "Progressing"),
    ({"Ready": ("False", "InstanceLost"), "RanktableReady": ("False", "InstanceLost")}, "Progressing"),
    ({"Ready": ("False", "Partial"), "RanktableReady": ("True", "Partial")}, "Progressing"),
    ({"Ready": ("False", "ScaledToZero"), "RanktableReady": ("False", "ScaledToZero")}, "Suspended"),
    ({"Ready": ("False", "NotReady"), "Progressing": ("True", "BackOff")}, "Degraded"),
    ({"Ready": ("False", "NotReady"), "DevicesDiscovered": ("False", "LinkDown")}, "Degraded"),
    ({"Ready": ("False", "NotReady"), "TemplatesValid": ("False", "PodRefused")}, "Degraded"),
    ({"Ready": ("False", "Rejected"), "RanktableReady": ("False", "Rejected")}, "Degraded")])
def test_health_goes_by_the_conditions(changes, wanted):
    assert health(deployment(changes))[0] == wanted


def test_health_of_what_is_paused():
    assert health(deployment({"Ready": ("False", "Outdated"), "Progressing": ("False", "Paused")}, paused=True)) == \
        ("Suspended", "Ready says Outdated.")
    assert health(deployment({"Progressing": ("False", "Paused")}, paused=True))[0] == "Healthy"


def test_health_has_the_message_of_what_is_broken():
    assert health(deployment({"Ready": ("False", "Rejected"), "DevicesDiscovered": ("False", "DuplicateDevice")})) == \
        ("Degraded", "DevicesDiscovered says DuplicateDevice.")


def test_the_command_of_the_page_makes_the_key_with_the_script():
    (block,) = [block for block in pages.console_blocks(pages.path_of("argo-cd")) if "argocd-cm" in block.lines[0]]
    (inner,) = re.findall(r"\$\(([^()]*)\)", block.commands[0].text)
    assert "--dry-run=client" in inner
    made = subprocess.run(inner.split(), cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert json.loads(made)["data"] == {"resource.customizations.health.pd-operator.io_PDDeployment": HEALTH.read_text(encoding="utf-8")}


def test_health_knows_only_reasons_that_there_are():
    table = re.search(r"local broken = \{(.*?)\n\}", HEALTH.read_text(encoding="utf-8"), re.DOTALL)[1]
    for condition in re.findall(r"(?m)^  (\w+) = \{", table):
        inside = re.search(rf"(?ms)^  {condition} = \{{(.*?)\}},?$", table)[1]
        assert set(re.findall(r"(\w+) = true", inside)) <= reasons_in_code()[condition], condition
