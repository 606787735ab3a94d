"""What pd-agent costs on a node and how soon it says what has changed there, on a cluster of its own: two nodes with real
kubelets and fake NPUs. The agent of the first node asks the driver's tool, that of the second reads hccn.conf. Prints one JSON
line per number.

    agent.py [SECONDS]      for how long the agents are watched while nothing changes (default: 600)
"""
import os
import sys
import time

from agent_changes import AgentChanges, by_rename, in_place
from audit import AuditLog
from bench_line import say
from pd_system import NODES, PdSystem
from process import Process

SOURCES = dict(zip(NODES, ("hccn_tool", "hccn_conf")))
ALLOCATIONS = 50
AT_ONCE = 8  # pods that a node has NPUs for
CHANGES = 5
SETTLED = 15  # seconds: more than a probe interval after its start, an agent has done all of its work at least once
API_PORT = 443
ESTABLISHED = "01"


class Agent(Process):
    def connections(self):
        """The local ports of its sockets that are connected to the API server."""
        sockets = set()
        for descriptor in (self.folder / "fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                sockets.add(target.removeprefix("socket:[").removesuffix("]"))
        ports = []
        for table in ("tcp", "tcp6"):
            for line in (self.folder / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                own, other = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
                if fields[9] in sockets and fields[3] == ESTABLISHED and other == API_PORT:
                    ports.append(own)
        return ports


def bench_idle(system, seconds):
    """While nothing changes. The agents' requests are told apart by node."""
    time.sleep(SETTLED)
    agents = {node: Agent(system.processes[f"pd-agent-{node}"].pid) for node in NODES}
    before = {node: agent.cpu_seconds() for node, agent in agents.items()}
    began = time.time()
    connections = {node: [] for node in NODES}
    while time.time() < began + seconds:
        for node, agent in agents.items():
            connections[node].append(agent.connections())
        time.sleep(min(1.0, max(0.0, began + seconds - time.time())))
    ended = time.time()
    requests = [entry for entry in AuditLog(system).read() if entry.user == "pd-agent" and began < entry.answered < ended]
    for node, agent in agents.items():
        source = SOURCES[node]
        say(f"agent.rss_anon.{source}", "MB", [agent.memory("RssAnon")], target="<= 8")
        say(f"agent.rss.{source}", "MB", [agent.memory("VmRSS")], target="<= 30")
        own, children = (100 * (now - then) / (ended - began) for now, then in zip(agent.cpu_seconds(), before[node]))
        say(f"agent.idle_cpu.{source}", "% of a core", [own], target="<= 0.1", seconds=round(ended - began))
        say(f"agent.idle_cpu_of_tools.{source}", "% of a core", [children], seconds=round(ended - began))
        of_node = [entry for entry in requests if entry.name == node]
        say(f"agent.idle_writes.{source}", "requests", [sum(entry.is_write for entry in of_node)], target="0", seconds=round(ended - began))
        say(f"agent.idle_reads.{source}", "requests", [sum(not entry.is_write for entry in of_node)], seconds=round(ended - began))
        say(f"agent.connections.{source}", "connections", [len(ports) for ports in connections[node]], target="<= 1",
            different=len({port for ports in connections[node] for port in ports}))


def stored_after(audit, node, moment):
    """When the API server had answered the first patch of a Node after that moment. Its log comes a little later."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for entry in audit.read():
            if entry.user == "pd-agent" and entry.verb == "patch" and entry.name == node and entry.answered > moment:
                return entry.answered
        time.sleep(0.01)
    raise TimeoutError(f"the audit log has no patch of {node} after {moment}")


def bench_allocations(changes):
    """From kubelet's checkpoint, as its file tells, to the Node that a client sees."""
    audit, pods = AuditLog(changes.system), []
    seen, stored, renamed, read = [], [], [], []
    for _ in range(ALLOCATIONS):
        if len(pods) == AT_ONCE:
            changes.delete_pods(*pods)
            pods.clear()
        pods.append(changes.create_pod())
        holding, change = changes.allocation(pods[-1], 1)
        seen.append((change.moment - holding.written) * 1000)
        stored.append((stored_after(audit, changes.node, holding.written) - holding.written) * 1000)
        renamed.append((holding.renamed - holding.written) * 1000)
        read.append((holding.read - holding.written) * 1000)
    say("agent.allocation", "ms", seen, target="<= 100")
    say("agent.allocation_by_audit", "ms", stored)
    say("agent.allocation_until_renamed", "ms", renamed, limit="kubelet: from the last byte to the file's own name")
    say("agent.allocation_until_another_reader", "ms", read, limit="inotify and reading, by Python")
    changes.delete_pods(*pods)


def bench_restart(changes):
    """A pod that goes while there is no kubelet, and one that comes after it; from kubelet's write of its checkpoint, by which the
    one has come and the other has gone."""
    goes = changes.create_pod((2,))
    changes.allocation(goes, 2)
    with changes.without_kubelet():
        changes.delete_pods(goes, by_force=True)
    holding, change = changes.allocation(changes.create_pod((4,)), 4)
    say("agent.kubelet_restart_come", "ms", [(change.moment - holding.written) * 1000], target="<= 2000")
    say("agent.kubelet_restart_gone", "ms", [(changes.forgotten(goes) - holding.written) * 1000], target="<= 2000")


def main(seconds=600):
    with PdSystem("bench") as system:
        system.stop_process(f"pd-agent-{NODES[1]}")
        system.start_agent(NODES[1], "--source", SOURCES[NODES[1]])
        bench_idle(system, seconds)
        for node, source in SOURCES.items():
            with AgentChanges(system, node, "default") as changes:
                for write in (in_place, by_rename):
                    took = [changes.address(number, write) * 1000 for number in range(CHANGES)]
                    say(f"agent.address_{write.__name__}.{source}", "ms", took, target="<= 2000")
        with AgentChanges(system, NODES[0], "default") as changes:
            say("agent.link_down", "ms", [changes.link(number) * 1000 for number in range(CHANGES)], target="<= 12000")
            bench_allocations(changes)
            bench_restart(changes)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
