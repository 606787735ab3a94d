"""crd_fields.py [--check]: writes docs/fields.md and docs/zh/fields.md, which tell each field of a PDDeployment, from the CRD's
schema, or says that they are not what would be written. The Chinese words are in docs/zh/fields.yaml, under the English ones."""
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
CRD = ROOT / "charts" / "pd-operator" / "files" / "pddeployments.yaml"
WORDS = ROOT / "docs" / "zh" / "fields.yaml"
MADE = "<!-- Made by scripts/crd_fields.py from the CRD. Do not edit: run the script. -->"
HEAD = {
    "title": "Fields of a PDDeployment",
    "intro": "Made from the CRD's schema, so it is what the API server checks. `kubectl explain pddeployment.spec` tells the same in a "
             "terminal. `[]` stands for the elements of a list. A field that is written in bold must be given. A template is a pod "
             "template as in a Deployment; which of its fields may be set: `kubectl explain deployment.spec.template`.",
    "spec": "What you write",
    "status": "What the operator writes",
    "columns": ["field", "type", "default", "what it is"],
    "same": "`decode` has the fields of `prefill`.",
    "rules": "Rules across fields",
    "rules_intro": "The API server refuses what breaks one of them, with these words.",
    "one_of": "one of", "from": "at least", "to": "at most", "items_from": "elements: at least", "items_to": "elements: at most",
    "length": "characters: at most", "object": "object", "list": "list", "text": "text", "number": "number", "boolean": "true or false",
    "number_or_text": "number or text", "time": "time", "template": "pod template", "map": "quantities by name",
}


def as_text(words):
    return words.replace("<", "&lt;").replace("|", "\\|")


class Page:
    """In one language: said() turns English words into it."""

    def __init__(self, said):
        self.said = said
        self.rows = []

    def head(self, name):
        return self.said(HEAD[name])

    def type_of(self, schema):
        if schema.get("x-kubernetes-preserve-unknown-fields") and "properties" in schema:
            return self.head("template")
        if "additionalProperties" in schema:
            return self.head("map")
        if schema.get("x-kubernetes-int-or-string"):
            return self.head("number_or_text")
        if schema.get("format") == "date-time":
            return self.head("time")
        names = {"integer": "number", "string": "text", "boolean": "boolean", "array": "list", "object": "object"}
        return self.head(names[schema["type"]])

    def limits(self, schema):
        if "enum" in schema:
            return f"{self.head('one_of')} " + ", ".join(f"`{value}`" for value in schema["enum"])
        words = (("minimum", "from"), ("maximum", "to"), ("minItems", "items_from"), ("maxItems", "items_to"), ("maxLength", "length"))
        return ", ".join(f"{self.head(word)} {schema[key]}" for key, word in words if key in schema)

    def row(self, path, schema, required):
        name = f"**`{path}`**" if required else f"`{path}`"
        default = schema.get("default", "")
        shown = f"`{yaml.safe_dump(default, default_flow_style=True, width=10000).strip().removesuffix('...').strip()}`"
        limits = self.limits(schema)
        kind = self.type_of(schema) + (f"; {limits}" if limits else "")
        told = as_text(self.said(schema["description"]))
        self.rows.append(f"| {name} | {kind} | {shown if default not in ('', {}) else ''} | {told} |")

    def walk(self, path, schema, skip=()):
        for name, child in schema.get("properties", {}).items():
            here = f"{path}.{name}" if path else name
            if here in skip:
                continue
            self.row(here, child, name in schema.get("required", ()))
            if child.get("x-kubernetes-preserve-unknown-fields"):
                continue
            items = child.get("items", {})
            self.walk(here, child, skip)
            self.walk(f"{here}[]", items, skip)

    def table(self, path, schema, skip=()):
        columns = [self.said(word) for word in HEAD["columns"]]
        self.rows = [f"| {' | '.join(columns)} |", "|---|---|---|---|"]
        self.walk(path, schema, skip)
        return "\n".join(self.rows)


def rules_of(schema, path=""):
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path + rule.get("fieldPath", ""), rule["message"]
    for name, child in schema.get("properties", {}).items():
        yield from rules_of(child, f"{path}.{name}".removeprefix("."))


def both(english, said):
    """What the API server says, and what it means."""
    other = said(english)
    return as_text(english) if other == english else f"{as_text(english)}<br>{as_text(other)}"


def page(crd, said, other):
    """other: the link to the page in the other language."""
    made = Page(said)
    (version,) = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    if spec["properties"]["decode"]["properties"] != spec["properties"]["prefill"]["properties"]:
        sys.exit("crd_fields: prefill and decode differ; the page says that they don't")
    decode = {f"spec.decode.{name}" for name in spec["properties"]["decode"]["properties"]}
    rules = [f"| `{path or 'metadata.name'}` | {both(message, said)} |" for path, message in rules_of(schema)
             if not path.startswith("spec.decode")]
    field, about = said(HEAD["columns"][0]), said(HEAD["columns"][3])
    return "\n\n".join([
        f"{MADE}\n# {made.head('title')}", other, made.head("intro"),
        f"## {made.head('spec')}", made.table("spec", spec, decode), made.head("same"),
        f"## {made.head('rules')}", made.head("rules_intro"), "\n".join([f"| {field} | {about} |", "|---|---|", *dict.fromkeys(rules)]),
        f"## {made.head('status')}", made.table("status", status)]) + "\n"


class Words:
    """The Chinese for each English text of the page, none missing and none too many."""

    def __init__(self):
        self.known = yaml.safe_load(WORDS.read_text(encoding="utf-8")) if WORDS.exists() else {}
        self.used = set()
        self.missing = []

    def __call__(self, english):
        self.used.add(english)
        if english not in self.known:
            self.missing.append(english)
        return self.known.get(english, english)

    def check(self):
        for word in dict.fromkeys(self.missing):
            print(f"crd_fields: docs/zh/fields.yaml lacks: {word}", file=sys.stderr)
        unused = [word for word in self.known if word not in self.used]
        for word in unused:
            print(f"crd_fields: docs/zh/fields.yaml has what the CRD does not say: {word}", file=sys.stderr)
        if self.missing or unused:
            sys.exit(1)


def pages():
    crd = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    words = Words()
    made = {ROOT / "docs" / "fields.md": page(crd, lambda english: english, "[中文](zh/fields.md)"),
            ROOT / "docs" / "zh" / "fields.md": page(crd, words, "[English](../fields.md)")}
    words.check()
    return made


def main(arguments):
    for target, text in pages().items():
        if arguments == ["--check"]:
            if not target.exists() or target.read_text(encoding="utf-8") != text:
                sys.exit(f"crd_fields: {target.relative_to(ROOT)} is not that of the CRD: run scripts/crd_fields.py")
        else:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
