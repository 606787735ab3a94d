"""One cluster with two real nodes and the image for all tests of the chart that need one; each test installs what it needs."""
import itertools

import chart
import pytest
from chart_system import PRIVILEGED, HelmCluster

numbers = itertools.count()


@pytest.fixture(scope="session")
def cluster():
    with HelmCluster("chart") as cluster:
        cluster.create_namespace(chart.NAMESPACE, "restricted")
        cluster.create_namespace(PRIVILEGED, "privileged")
        yield cluster


@pytest.fixture
def namespace(cluster):
    name = f"models-{next(numbers)}"
    cluster.create_namespace(name, "privileged")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
