"""One control plane (no nodes) for all integration tests, with the CRD installed."""
import pytest
from chart import CRD
from live_cluster import LiveCluster


@pytest.fixture(scope="session")
def cluster():
    with LiveCluster("integration", "--nodes", "0") as cluster:
        cluster.apply(CRD)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRD)
        yield cluster
