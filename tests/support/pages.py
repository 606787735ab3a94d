"""The pages of the project as their tests see them: blocks of commands, inline commands, links, headings, tables.

A block that readers can type is fenced as `console`: lines that begin with "$ " are commands, the others are what one should see,
with … for what differs each time. A comment in the line before says what is special about a block:

    <!-- not tested here: needs a CCE cluster -->
    <!-- exits with 1: the tables differ -->
"""
import dataclasses
import functools
import re
import shlex

from live_cluster import ROOT

PAGES = ("quick-start", "install-cce", "install-mind-cluster", "install-volcano", "from-the-script", "conditions", "troubleshooting",
         "operations", "argo-cd")
MARK = re.compile(r"<!-- (?:not tested here|exits with (?P<status>[0-9]+)): (?P<why>.+) -->")
PROGRAMS = ("pdctl", "pd-operator", "pd-agent", "pd-gate", "kubectl", "helm", "./dev")


@dataclasses.dataclass
class Command:
    text: str
    shown: list  # lines that one should see


@dataclasses.dataclass
class Block:
    page: object
    line: int
    info: str  # what follows the fence
    lines: list
    heading: str  # the last one of the second level
    untested: str = ""
    status: int = 0

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self):
        found = []
        for line in self.lines:
            if line.startswith("$ "):
                found.append(Command(line[2:], []))
            elif found and found[-1].text.endswith("\\"):
                found[-1].text = found[-1].text[:-1] + line.strip()
            else:
                found[-1].shown.append(line)
        return found

    @property
    def programs(self):
        return {words[0] for command in self.commands for words in simple_commands(command.text)}

    @property
    def is_offline(self):
        return self.programs == {"pdctl"}


def path_of(name, language="en"):
    return ROOT / "docs" / ("" if language == "en" else language) / f"{name}.md"


@functools.cache
def read(page):
    return page.read_text(encoding="utf-8")


def blocks(page):
    """Each fenced block, with what is said of it in the line before."""
    found, current, before, heading = [], None, "", ""
    for number, line in enumerate(read(page).splitlines(), 1):
        if current is not None:
            if line.startswith("```"):
                found.append(current)
                current = None
            else:
                current.lines.append(line)
        elif line.startswith("```"):
            current = Block(page, number, line[3:].strip(), [], heading)
            mark = MARK.fullmatch(before)
            if mark and mark["status"]:
                current.status = int(mark["status"])
            elif mark:
                current.untested = mark["why"]
        elif line.startswith("## "):
            heading = line[3:]
        before = line
    assert current is None, f"{page}: a block does not end"
    return found


def console_blocks(page):
    return [block for block in blocks(page) if block.info == "console"]


def live_blocks(page):
    """Those that the test with a cluster runs: of a page that has such, all that may be run."""
    found = [block for block in console_blocks(page) if not block.untested]
    return found if any(not block.is_offline for block in found) else []


def offline_blocks(page):
    """Those that need no cluster, nor what a block with a cluster has left."""
    found = []
    for block in console_blocks(page):
        if block.untested:
            continue
        if not block.is_offline:
            break
        found.append(block)
    return found


def without_blocks(page):
    text = re.sub(r"(?ms)^```.*?^```$", "", read(page))
    return re.sub(r"(?s)<!--.*?-->", "", text)


def simple_commands(text):
    """The words of each command in a line of the shell, without redirections; of $(...), too."""
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "SUBSTITUTED", text), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    found, words, skip = [], [], False
    for word in lexer:
        if word in ("<", ">", ">>"):
            skip = True
        elif set(word) <= set("|&;"):
            found.append(words)
            words = []
        elif skip:
            skip = False
        else:
            words.append(word)
    found.append(words)
    inner = [part for match in re.findall(r"\$\(([^()]*)\)", text) for part in simple_commands(match)]
    return [words for words in found if words] + inner


def loose_commands(page):
    """Commands in the text itself: in `...`, and in blocks that are indented."""
    text = re.sub(r"\\\n +", "", without_blocks(page))
    inline = re.findall(r"`([^`\n]+)`", text)
    indented = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    for command in (*inline, *indented):
        if command.startswith(tuple(f"{program} " for program in PROGRAMS)):
            yield command


def slug(heading):
    """As the forges make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


def headings(page):
    return [line.lstrip("#").strip() for line in without_blocks(page).splitlines() if re.match(r"#+ ", line)]


def links(page):
    return re.findall(r"\]\(([^)\s]+)\)", without_blocks(page))


def first_cells(page, heading):
    """The words in `...` in the first column of the table under a heading."""
    match = re.search(rf"(?ms)^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", read(page))
    assert match, f"{page} has no heading {heading}"
    return [cell for row in re.findall(r"^\| ([^|]*) \|", match[1], re.MULTILINE) for cell in re.findall(r"`([^`]+)`", row)]


def differs(shown, said):
    """What of the lines that one should see is not in what was said, in this order; empty: nothing."""
    rest = iter([" ".join(line.split()) for line in said.splitlines()])
    for line in shown:
        pattern = ".*".join(re.escape(part.strip()) for part in " ".join(line.split()).split("…"))
        if line.strip() and not any(re.fullmatch(pattern, candidate) for candidate in rest):
            return line
    return ""
