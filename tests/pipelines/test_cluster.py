"""Naming a cluster: none is the default, and one that is not there is said in a way that helps."""

import sys

import pytest

from features.errors import NotFound, UsageError
from pipelines import cluster
from pipelines.cluster import opened


def test_without_an_address_there_is_no_cluster() -> None:
    with opened(None) as found:
        assert found is None


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"install loanwatch with the extra \[cluster\]"), opened("tcp://h:8786"):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "what://h:1"])
def test_a_scheduler_that_does_not_answer_is_said(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "SECONDS", 1)
    with pytest.raises(NotFound, match="no Dask scheduler answers there"), opened(address):
        pass
