"""The pages can be typed as they are: each block of commands is run by a test or says why not, flags and files exist, links lead
somewhere, and the Chinese pages have the same commands as the English ones."""
import functools
import os
import re
import shutil
import subprocess

import chart
import pages
import pytest
from live_cluster import PROGRAMS, ROOT
from live_pages import IN_ORDER

OURS = ("pdctl", "pd-operator", "pd-agent", "pd-gate")
LANGUAGES = ("en", "zh")
NEW = [pages.path_of(name, language) for language in LANGUAGES for name in pages.PAGES]
ALL = sorted({*NEW, *(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "charts" / "pd-operator" / "README.md",
              ROOT / "tests" / "fake_node" / "README.md", ROOT / "tests" / "cluster" / "README.md"})
FOLDERS = ("charts/", "examples/", "docs/", "scripts/", "tests/")
OTHERS = {"cp", "exit", "hccn_tool"}
# What a task of ./dev builds is there when it has run.
MADE = {"build/image/pd-operator.tar"}


def of(paths):
    return pytest.mark.parametrize("page", paths, ids=lambda page: str(page.relative_to(ROOT)))


@of(NEW)
def test_each_block_is_run_or_says_why_not(page):
    assert pages.read(page).count("<!-- ") == len([block for block in pages.blocks(page) if block.untested or block.status]), \
        "a comment that is no mark, or not in the line before a block"
    for block in pages.blocks(page):
        assert block.info in ("console", "yaml", "lua") or block.info.startswith("yaml file="), f"{block}: {block.info}"
        if block.info != "console":
            continue
        assert block.lines and block.lines[0].startswith("$ "), f"{block} begins with no command"
        assert block.programs <= {*pages.PROGRAMS, *OTHERS}, f"{block}: {block.programs}"
        # A page in Chinese has the commands of the English one.
        run = pages.live_blocks(page) if page.stem in IN_ORDER else pages.offline_blocks(page)
        assert block.untested or block in run, f"{block} is run by no test: mark it, or see live_pages.py"


@of([pages.path_of(name) for name in pages.PAGES if pages.offline_blocks(pages.path_of(name))])
def test_what_needs_no_cluster_is_as_the_page_says(page, desk):
    for block in pages.blocks(page):
        if block.info.startswith("yaml file="):
            desk.put(block.info.removeprefix("yaml file="), block.lines)
    for block in pages.offline_blocks(page):
        for command in block.commands:
            done = desk.run(command.text)
            assert done.returncode == block.status, f"{block}: {command.text}\n{done.stdout}"
            assert not pages.differs(command.shown, done.stdout), f"{block}: {command.text}\n{done.stdout}"


@functools.cache
def path_of(program):
    """Ours; the test cluster's, where it is built; or one that happens to be here."""
    if program in OURS:
        return PROGRAMS / program
    script = f'source "{chart.PROGRAMS}/locations" && program_path {"helm4" if program == "helm" else program}'
    built = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    return built if os.access(built, os.X_OK) else shutil.which(program)


@functools.cache
def helped(*words):
    """What a program says to --help; nothing where it is not here."""
    program = path_of(words[0])
    if program is None:
        return ""
    done = subprocess.run([program, *words[1:], "--help"], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


@functools.cache
def everywhere(program):
    if program == "kubectl" and path_of("kubectl"):
        return subprocess.run([path_of("kubectl"), "options"], capture_output=True, text=True, check=True, timeout=60).stdout
    return helped(program)


def check_flags(words):
    """Each flag is one that the program knows."""
    program, *rest = words
    names = []
    for word in rest:
        if word.startswith("-") or len(names) == (2 if rest[0] in ("create", "config") else 1):
            break
        names.append(word)
    if names and names[0] in ("--mode", "..."):
        names = []
    known = helped(program, *names) + everywhere(program)
    if not known:
        return
    if program == "pdctl" and "--mode" in rest:
        known += "--mode" + helped("pdctl", rest[rest.index("--mode") + 1].split("|")[0])
    assert "nknown command" not in known and "nrecognized" not in known, f"{' '.join(words)}: there is no {' '.join(names)}"
    for word in rest[:rest.index("--")] if "--" in rest else rest:
        match = re.match(r"(--[a-z][a-z-]*|-[A-Za-z])(?=[=\W]|$)", word)
        if match:
            assert re.search(rf"(?<![\w-]){match[1]}(?![\w-])", known), f"{' '.join(words)}: {program} has no {match[1]}"


@functools.cache
def dev_tasks():
    said = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
    cluster = subprocess.run([ROOT / "tests" / "cluster" / "cluster", "help"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in said.splitlines() if re.match(r"  [a-z]", line)} | {"help"}, \
        {line.split()[0] for line in cluster.splitlines() if re.match(r"  [a-z]", line)} | {"help"}


def check_dev(words):
    tasks, cluster = dev_tasks()
    assert words[1] in tasks or not words[1].isalpha(), f"{' '.join(words)}: ./dev has no such task"
    if words[1] == "cluster" and len(words) > 2 and words[2].isalpha() and words[2].islower():
        assert words[2] in cluster or words[2] == "TASK", f"{' '.join(words)}: the cluster has no such task"


def check_paths(words, made=None):
    """Files of the project are there; made: also those that -f names, which were made by a command before."""
    for place, word in enumerate(words):
        for part in re.split(r"[=,]", word):
            if part.startswith(FOLDERS) and not re.search(r"[*{<]|NAME|\.\.\.", part):
                assert (ROOT / part).exists(), f"{' '.join(words)}: there is no {part}"
        if made is not None and place and words[place - 1] in ("-f", "--filename", "--values"):
            assert word in made or (ROOT / word).exists(), f"{' '.join(words)}: there is no {word}"


def check(words, made=None):
    check_paths(words, made)
    if words[0] == "./dev":
        check_dev(words)
    elif words[0] in pages.PROGRAMS:
        check_flags(words)


@of(NEW)
def test_the_commands_are_ones_that_there_are(page):
    made = {block.info.removeprefix("yaml file=") for block in pages.blocks(page) if "file=" in block.info} | MADE
    for block in pages.console_blocks(page):
        for command in block.commands:
            for words in pages.simple_commands(command.text):
                if words[0] == "cp":
                    made.add(words[-1])
                check(words, made)
            made |= set(re.findall(r"> (\S+)$", command.text))


def helm_installs():
    found = {}
    for name in pages.PAGES:
        for block in pages.console_blocks(pages.path_of(name)):
            for command in block.commands:
                words = pages.simple_commands(command.text)[0]
                if words[:2] in (["helm", "install"], ["helm", "upgrade"]) and "-f" in words:
                    found[f"{name}-{len(found)}"] = words
    return found


@pytest.mark.parametrize("name", helm_installs())
def test_what_can_only_be_installed_elsewhere_is_rendered(name):
    """The chart takes the values of the command, also where nobody can type it here."""
    if not os.access(path_of("helm") or "", os.X_OK):
        pytest.skip("Helm is not built")
    words = [word for word in helm_installs()[name][2:] if word not in ("--wait", "--create-namespace")]
    words = [word.replace("REPOSITORY", "registry.example.com/llm") for word in words]
    done = subprocess.run([path_of("helm"), "template", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "kind: DaemonSet" in done.stdout


@of(ALL)
def test_the_commands_between_the_words_are_too(page):
    for command in pages.loose_commands(page):
        if "..." in command.split()[:2] or re.search(r"[|…]", command) or command.count("'") % 2:
            continue
        for words in pages.simple_commands(command):
            if words[:2] == ["kubectl", "pd"]:  # pdctl, linked as kubectl's plugin
                words = ["pdctl", *words[2:]]
            if words[0] in pages.PROGRAMS and len(words) > 1:
                check([word.strip("[]") for word in words])


@of(ALL)
def test_each_link_leads_somewhere(page):
    for link in pages.links(page):
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://")):
            continue
        to = (page.parent / target).resolve() if target else page
        assert to.exists(), f"{page.relative_to(ROOT)}: {link}"
        if anchor:
            assert anchor in map(pages.slug, pages.headings(to)), f"{page.relative_to(ROOT)}: {link} has no such heading"


def test_public_addresses_are_few():
    found = {address for page in NEW for address in re.findall(r"https?://[^\s)>\"']+", pages.read(page))}
    assert len(found) <= 5, found


@pytest.mark.parametrize("name", (*pages.PAGES, "fields"))
def test_the_chinese_page_has_the_same_commands(name):
    english, chinese = (pages.blocks(pages.path_of(name, language)) for language in LANGUAGES)
    for ours, theirs in zip(english, chinese, strict=True):
        assert (ours.info, ours.lines, bool(ours.untested), ours.status) == (theirs.info, theirs.lines, bool(theirs.untested), theirs.status), \
            f"{ours} and {theirs} differ"
    sections = [len(re.findall(r"(?m)^#+ ", pages.read(pages.path_of(name, language)))) for language in LANGUAGES]
    assert sections[0] == sections[1], "they have different sections"


def test_the_readme_names_each_page():
    targets = {os.path.normpath(link.partition("#")[0]) for link in pages.links(ROOT / "README.md")}
    assert {f"docs/{name}.md" for name in (*pages.PAGES, "fields")} <= targets
    assert "docs/zh/quick-start.md" in targets
    for name in (*pages.PAGES, "fields"):
        assert any(link.partition("#")[0].endswith(f"{name}.md") for other in NEW if other.parent.name == "zh" and other.stem != name
                   for link in pages.links(other)), f"no Chinese page leads to {name}"
