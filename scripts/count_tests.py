"""Prints `passed failed skipped` of the JUnit report that ctest or pytest wrote; on stderr, what each failed test said."""
import sys
import xml.etree.ElementTree as ElementTree

LINES = 25


def explain(case):
    said = [part.text or part.get("message", "") for part in case if part.tag in ("failure", "error", "system-out")]
    lines = "\n".join(said).strip().splitlines()
    if len(lines) > 2 * LINES:
        lines = [*lines[:LINES], f"... {len(lines) - 2 * LINES} lines more ...", *lines[-LINES:]]
    name = case.get("name", "")
    place = case.get("classname", "")
    title = name if place in ("", name) else f"{place}.{name}"
    print(f"--- failed: {title}", *(f"    {line[:200]}" for line in lines), sep="\n", file=sys.stderr)


def count(report):
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed += 1
            explain(case)
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


try:
    print(*count(sys.argv[1]))
except (OSError, ElementTree.ParseError) as error:
    sys.exit(f"count_tests: {sys.argv[1]} is no JUnit report: {error}")
