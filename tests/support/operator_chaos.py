"""An operator that is killed again and again while the tests go on, as PD_OPERATOR_CHAOS says:

    kill-each-second   the only one, a second after each start
    kill-leader        of two, every 40 s the one that leads

They are processes in the place of the installed operator: kubelet waits longer and longer, five minutes in the end, until it starts a
container again that is killed so often.
"""
import concurrent.futures
import contextlib
import itertools
import threading

import chart

ONLY_LIFE = 1  # seconds
LEADERS_LIFE = 40


class OperatorChaos:
    def __init__(self, system, manner):
        self.system = system
        self.over = threading.Event()
        self.kills = 0
        self.names = (f"pd-operator-{number}" for number in itertools.count(1))
        self.manner = {"kill-each-second": self.kill_only, "kill-leader": self.kill_leaders}[manner]
        self.worker = concurrent.futures.ThreadPoolExecutor(1)

    def __enter__(self):
        self.killing = self.worker.submit(self.manner)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.killing.result()  # what went wrong in it fails here
        self.worker.shutdown()
        print(f"the operator was killed {self.kills} times")
        assert self.kills > 0

    def kill(self, name):
        self.system.stop_process(name, kill=True)
        self.kills += 1

    def kill_only(self):
        while not self.over.is_set():
            self.system.start_operator()
            self.over.wait(ONLY_LIFE)
            self.kill("pd-operator")

    def start_one_of_two(self):
        """Each start has a log of its own, which tells whether this one leads."""
        name = next(self.names)
        self.system.start_operator("--metrics-address", "off", "--leader-elect-resource-namespace", chart.NAMESPACE, name=name,
                                   leader_elect=True)
        return name

    def kill_leaders(self):
        pair = [self.start_one_of_two(), self.start_one_of_two()]
        while not self.over.wait(LEADERS_LIFE):
            leader = next((name for name in pair if '"Leading"' in self.system.log(name)), None)
            assert leader, f"none of {pair} leads"
            self.kill(leader)
            pair = [name for name in pair if name != leader] + [self.start_one_of_two()]
        for name in pair:
            self.kill(name)


@contextlib.contextmanager
def operator_chaos(system, manner):
    if not manner:
        yield
        return
    with system.without_operator(), OperatorChaos(system, manner):
        yield
