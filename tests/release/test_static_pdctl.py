"""The pdctl for any Linux."""
from live_cluster import PROGRAMS
from static_program import EmptyRoot, assert_static, assert_works
from test_refusals import VERSION

PDCTL = PROGRAMS / "pdctl-any-linux"


def test_it_is_static():
    assert_static(PDCTL)


def test_it_works_where_there_is_nothing_else(tmp_path):
    assert_works(EmptyRoot(tmp_path, PDCTL), VERSION)
