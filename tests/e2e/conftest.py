"""One release, installed by Helm on a cluster of two nodes, for all end-to-end tests; each test has a namespace of its own.

PD_LIFE_ROUNDS=5 runs each test of a deployment's life five times, those for `./dev verify` included. PD_OPERATOR_CHAOS: see
operator_chaos.py."""
import itertools
import os

import pytest
from audit import AuditLog
from end_to_end import ACCOUNTS, EndToEndSystem
from life import Life
from operator_chaos import operator_chaos
from role_use import Use

ROUNDS = int(os.environ.get("PD_LIFE_ROUNDS", "0"))
CHAOS = os.environ.get("PD_OPERATOR_CHAOS", "")
numbers = itertools.count()


def pytest_collection_modifyitems(config, items):
    if not ROUNDS:
        left_out = [item for item in items if item.get_closest_marker("verify")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def check_roles(system):
    entries = [entry for entry in AuditLog(system).read() if system.was_ready(entry.received)]
    uses = {user: Use(entries, user) for user in (*ACCOUNTS, system.agent_user)}
    refused = {user: use.refused for user, use in uses.items() if use.refused}
    assert not refused, f"the chart's roles lack what the programs do: {refused}"
    assert all(uses[account].done for account in ACCOUNTS), "the installed programs did all that the tests saw"


@pytest.fixture(scope="session")
def system():
    with EndToEndSystem("e2e") as system, operator_chaos(system, CHAOS):
        yield system
        check_roles(system)


@pytest.fixture(params=range(ROUNDS or 1))
def life(system, namespace, request):  # pylint: disable=unused-argument # the number tells rounds apart
    return Life(system, namespace, timeout=240 if CHAOS else 120)


@pytest.fixture
def namespace(system):
    name = f"test-{next(numbers)}"
    system.kubectl("create", "namespace", name)
    system.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
    yield name
    system.kubectl("delete", "namespace", name, "--wait=false")
