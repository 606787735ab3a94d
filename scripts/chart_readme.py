"""chart_readme.py [--check]: writes charts/pd-operator/README.md from the comments in values.yaml and from the text beside it
(files/README.md), or says that it is not what would be written."""
import pathlib
import re
import sys

import yaml

CHART = pathlib.Path(__file__).resolve().parents[1] / "charts" / "pd-operator"
KEY = re.compile(r"^( *)([A-Za-z][A-Za-z0-9]*):(?: |$)")


def described_values(text):
    """(path, description) of each value with a comment "# -- ..." above it, in order."""
    stack, words = [], []
    for number, line in enumerate(text.splitlines(), 1):
        comment = line.strip()
        if comment.startswith("# -- "):
            words = [comment[5:]]
        elif comment.startswith("#") and words:
            words.append(comment.lstrip("# "))
        elif key := KEY.match(line):
            stack = [part for part in stack if part[0] < len(key[1])] + [(len(key[1]), key[2])]
            path = tuple(name for _, name in stack)
            if words:
                yield path, " ".join(words)
            words = []
        elif words:
            sys.exit(f"chart_readme: values.yaml:{number}: the comment above describes no value")


def leaves(tree, described, path=()):
    """The values that a person sets: those with a comment, else the innermost."""
    for key, value in tree.items():
        here = (*path, key)
        if here in described or not isinstance(value, dict) or not value:
            yield here, value
        else:
            yield from leaves(value, described, here)


def shown(value):
    text = yaml.safe_dump(value, default_flow_style=True, width=10000).strip().removesuffix("...").strip()
    return f"`{text}`" if value != "" else '`""`'


def readme():
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    described = dict(described_values(text))
    rows = ["| value | default | what it is |", "|---|---|---|"]
    for path, value in leaves(yaml.safe_load(text), described):
        if path not in described:
            sys.exit(f'chart_readme: values.yaml: {".".join(path)} has no comment "# -- ..." above it')
        rows.append(f"| `{'.'.join(path)}` | {shown(value)} | {described[path]} |".replace("||", "\\|\\|"))
    return (CHART / "files" / "README.md").read_text(encoding="utf-8").replace("{{VALUES}}", "\n".join(rows))


def main(arguments):
    target = CHART / "README.md"
    wanted = readme()
    if arguments == ["--check"]:
        if not target.exists() or target.read_text(encoding="utf-8") != wanted:
            sys.exit("chart_readme: charts/pd-operator/README.md is not that of its values: run scripts/chart_readme.py")
        return
    target.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
