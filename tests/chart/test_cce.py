"""Nodes as CCE has them, which offer huawei.com/ascend-1980 alone: with values-cce.yaml the example becomes Ready as it is."""
import chart
from chart_system import PRIVILEGED, HelmCluster
from live_cluster import ROOT
from pd_system import NODES

RESOURCE = "huawei.com/ascend-1980"


def test_the_example_becomes_ready_unchanged():
    with HelmCluster("chart-cce", options=("--npu-resource", RESOURCE)) as system:
        system.create_namespace(chart.NAMESPACE, "restricted")
        system.create_namespace(PRIVILEGED, "privileged")
        for node in NODES:
            system.kubectl("label", "node", node, "accelerator/huawei-npu=ascend-1980")
            assert "huawei.com/Ascend910" not in system.get("node", node)["status"]["allocatable"]
        system.helm("install", chart.RELEASE, chart.CHART, "-n", chart.NAMESPACE, "-f", chart.CHART / "values-cce.yaml", "--set",
                    f"image.repository=localhost/pd-operator,image.tag=dev,image.pullPolicy=Never,agent.namespace={PRIVILEGED},"
                    # What the imitated tool has, and has not.
                    "agent.hostPaths.hccnConf=/etc/hccn.conf,agent.hostPaths.dcmi=",
                    "--wait", "--timeout", "180s")
        system.apply(ROOT / "examples" / "1p1d-tp2.yaml")
        system.wait_ready("demo", timeout=180)
        limits = system.one_pod("demo", "prefill")["spec"]["containers"][0]["resources"]["limits"]
        assert limits[RESOURCE] == "2"
        assert {system.node_annotation(node, "npu-inventory")["resource"] for node in NODES} == {RESOURCE}
