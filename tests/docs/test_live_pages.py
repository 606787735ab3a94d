"""The pages' commands typed on a real cluster of two nodes, in the pages' order, with what one should see. What `./dev setup`,
`./dev image` and `./dev cluster up` would build was built before the test (scripts/test.sh calls what they call); the rest of `up`
is done as it does it."""
import re

import chart
import pages
import pytest
from chart_system import HelmCluster
from live_cluster import SCRIPT
from live_pages import IN_ORDER, LAST_SECTION
from pd_system import IMAGE


class Reader:
    """Somebody who types what a page says."""

    def __init__(self, desk):
        self.desk = desk
        self.cluster = HelmCluster("docs")
        self.in_shell = False

    def type(self, block):
        for command in block.commands:
            done = self.answer(command.text)
            if done is None:
                continue
            told = f"{block}: $ {command.text}\n{done.stdout}"
            assert done.returncode == block.status, f"{told}\n{self.cluster.story('default')}"
            missing = pages.differs(command.shown, done.stdout)
            assert not missing, f"{told}\nshould say: {missing}"

    def answer(self, text):
        own = {"./dev setup": lambda: None, "./dev image": self.image, "./dev cluster up": self.up, "./dev cluster shell": self.enter, "exit": self.leave,
               "./dev cluster down": self.down}
        if text in own:
            return own[text]()
        if text.startswith("./dev cluster "):
            task, *arguments = text.split()[2:]
            assert not self.in_shell
            return self.desk.run(" ".join([str(SCRIPT), task, "--name", self.cluster.name, *arguments]))
        assert self.in_shell, f"{text} needs the cluster's shell"
        return self.desk.run(text, before=(SCRIPT, "exec", "--name", self.cluster.name, "--"))

    def image(self):
        made = self.desk.folder / "build" / "image"
        made.mkdir(parents=True, exist_ok=True)
        (made / IMAGE.name).symlink_to(IMAGE)
        assert IMAGE.exists(), "./dev image has not made it"

    def up(self):
        chart.helm_path()
        self.cluster.run("up", *self.cluster.options)
        self.cluster.state = self.cluster.environment()["STATE"]

    def enter(self):
        self.in_shell = True

    def leave(self):
        self.in_shell = False

    def down(self):
        self.cluster.run("down")


@pytest.fixture
def reader(desk, monkeypatch, tmp_path):
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"HELM_{name}_HOME", str(tmp_path / "helm" / name.lower()))
    one = Reader(desk)
    yield one
    one.cluster.run("down", check=False)


def test_the_pages_can_be_typed(reader):
    quick_start = pages.live_blocks(pages.path_of(IN_ORDER[0]))
    end = [block for block in quick_start if block.heading.startswith(LAST_SECTION)]
    assert end and re.match(r"1\.", quick_start[0].heading)
    for block in quick_start:
        if block not in end:
            reader.type(block)
    for name in IN_ORDER[1:]:
        for block in pages.live_blocks(pages.path_of(name)):
            reader.type(block)
    for block in end:
        reader.type(block)
