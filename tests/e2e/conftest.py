"""One system (cluster, agents, operator) for all end-to-end tests; each test has a namespace of its own."""
import itertools

import pytest
from pd_system import PdSystem

numbers = itertools.count()


@pytest.fixture(scope="session")
def system():
    with PdSystem("e2e") as system:
        yield system


@pytest.fixture
def namespace(system):
    name = f"test-{next(numbers)}"
    system.kubectl("create", "namespace", name)
    system.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
    yield name
    system.kubectl("delete", "namespace", name, "--wait=false")
