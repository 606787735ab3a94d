"""What a running program takes, from /proc."""
import os
import pathlib

TICK = os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, pid):
        self.folder = pathlib.Path("/proc", str(pid))

    def memory(self, field):
        """In MB."""
        for line in (self.folder / "status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise ValueError(f"{self.folder}/status has no {field}")

    def cpu_seconds(self):
        """Its own, and that of the programs which it has started and which have ended; in ticks of 10 ms."""
        fields = (self.folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        user, system, children_user, children_system = (int(field) / TICK for field in fields[11:15])
        return user + system, children_user + children_system

    def thread_cpu_ms(self):
        """That of the threads it has now, exactly."""
        return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in (self.folder / "task").iterdir()) / 1e6
