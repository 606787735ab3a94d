"""Each deliberate fault of scripts/mutations.py has its one place in the code: who moves the code moves the fault along."""
import importlib.util

import pytest
from live_cluster import ROOT

SPEC = importlib.util.spec_from_file_location("mutations", ROOT / "scripts" / "mutations.py")
mutations = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(mutations)


@pytest.mark.parametrize("name", mutations.FAULTS)
def test_a_fault_has_its_place(name):
    _, file, old, _ = mutations.FAULTS[name]
    assert (ROOT / file).read_text(encoding="utf-8").count(old) == 1, file
