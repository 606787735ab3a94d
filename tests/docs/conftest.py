"""A folder in which the commands of the pages can be typed: the project as it is, and the programs on the PATH."""
import os
import subprocess

import pytest
from live_cluster import PROGRAMS, ROOT

# What the driver's tool of a host with eight NPUs would say.
HCCN_TOOL = """#!/bin/sh
echo "ipaddr:29.81.18.10$2"
echo "netmask:255.255.0.0"
"""


class Desk:
    def __init__(self, folder):
        self.folder = folder / "project"
        self.folder.mkdir()
        for item in ROOT.iterdir():
            if item.name not in (".git", "build"):
                (self.folder / item.name).symlink_to(item)
        tools = folder / "tools"
        tools.mkdir()
        (tools / "hccn_tool").write_text(HCCN_TOOL, encoding="ascii")
        (tools / "hccn_tool").chmod(0o755)
        self.path = f"{PROGRAMS}:{tools}:{os.environ['PATH']}"

    def put(self, name, lines):
        (self.folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, command, before=()):
        """before: what runs bash, where that is not this test itself."""
        return subprocess.run([*map(str, before), "bash", "-o", "pipefail", "-c", command], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=400, check=False, env={**os.environ, "PATH": self.path})


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)
