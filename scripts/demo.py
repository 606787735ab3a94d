"""The demo's story, told on a cluster of its own: install the chart, deploy, look, lose a pod, look again. `./dev demo` prepares what
it needs."""
import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from chart_system import ChartSystem  # noqa: E402
from pd_system import NODES  # noqa: E402

EXAMPLE = ROOT / "examples" / "1p1d-tp2.yaml"
NAME = "demo"
STARTED = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


def show(title, text):
    print(f"\n--- {title}\n{text.rstrip()}\n", flush=True)


def show_tables(system, pod):
    name = pod["metadata"]["name"]
    for file in ("global_ranktable.json", "local_ranktable.json"):
        show(f"{file}, as read inside {name}", json.dumps(json.loads(system.read_in_pod(pod, file)), indent=2))


def deploy(system):
    say(f"kubectl apply -f {EXAMPLE.relative_to(ROOT)}")
    system.apply(EXAMPLE)
    system.wait_ready(NAME)
    say("Ready")
    show("kubectl get pdd", system.kubectl("get", "pdd", "-o", "wide").stdout)
    show("kubectl get pods", system.kubectl("get", "pods", "-o", "wide").stdout)
    for node in NODES:
        show(f"pd-operator.io/npu-inventory of node {node}", json.dumps(system.node_annotation(node, "npu-inventory")))
        show(f"pd-operator.io/npu-allocations of node {node}", json.dumps(system.node_annotation(node, "npu-allocations")))


def lose_the_prefill_pod(system, decode):
    """Answers how long after the new pod had NPUs and IP the decode pod saw the new table, in milliseconds."""
    lost = system.one_pod(NAME, "prefill")
    generation = int(system.read_in_pod(decode, "generation"))
    selector = f"pd-operator.io/deployment={NAME},pd-operator.io/role=prefill"
    with system.watch_addresses(selector) as placed:
        say(f"kubectl delete pod {lost['metadata']['name']}")
        system.kubectl("delete", "pod", lost["metadata"]["name"], "--wait=false")
        seen = system.wait_generation(decode, generation + 1)
        return seen - placed(other_than=lost["metadata"]["uid"])


def story(system):
    deploy(system)
    decode = system.one_pod(NAME, "decode")
    show_tables(system, decode)
    delay = lose_the_prefill_pod(system, decode)
    after = system.one_pod(NAME, "decode")
    same = after["metadata"]["uid"] == decode["metadata"]["uid"]
    restarts = sum(status["restartCount"] for status in after["status"]["containerStatuses"])
    say(f"the new table is readable in the decode pod, {delay:.0f} ms after the API server told of the new prefill pod's address")
    show_tables(system, after)
    say(f"the decode pod is the {'same' if same else 'WRONG'} one, restarted {restarts} times")
    system.wait_ready(NAME)
    show("kubectl describe pdd (its events)", system.kubectl("events", "--for", f"pdd/{NAME}").stdout)
    memory = ", ".join(f"{name} {mib:.1f} MiB" for name, mib in sorted(system.release_memory().items()))
    say(f"resident memory: {memory}")
    if not same or restarts:
        raise SystemExit("demo: the decode pod was disturbed; this is a bug")


def keep(system):
    say("left running, as asked. Go on with:")
    for task in ("kubectl get pdd", "kubectl describe pdd demo", "shell", "down"):
        print(f"  ./dev cluster {task.split()[0]} --name {system.name} {' '.join(task.split()[1:])}".rstrip())


def main():
    system = ChartSystem("demo", progress=say)
    is_kept = sys.argv[1:] == ["--keep"]
    system.__enter__()
    try:
        story(system)
    except BaseException:
        system.__exit__()
        raise
    if is_kept:
        keep(system)
    else:
        say("taking it down")
        system.__exit__()
        say("done")


if __name__ == "__main__":
    main()
