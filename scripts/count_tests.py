"""Prints `passed failed skipped` of the JUnit report that ctest or pytest wrote."""
import sys
import xml.etree.ElementTree as ElementTree


def count(report):
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


try:
    print(*count(sys.argv[1]))
except (OSError, ElementTree.ParseError) as error:
    sys.exit(f"count_tests: {sys.argv[1]} is no JUnit report: {error}")
