"""A Dask cluster for the runs, opened at the edge by its address: an executor for partitions, LightGBM's estimator for training.

``distributed`` is imported here alone, and only when a cluster is named.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from features.errors import NotFound, UsageError
from models.clustered import Cluster as Fits

LOCAL, WORKERS = "local", 2
SECONDS = 20
"""How long a scheduler may take to answer."""


@dataclass(frozen=True)
class Cluster:
    """An open cluster: ``client`` is a ``distributed.Client``."""

    client: Any

    @property
    def address(self) -> str:
        return str(self.client.scheduler.address)

    @property
    def executor(self) -> Executor:
        """Runs jobs on the workers; a job whose worker dies is run again on another."""
        found: Executor = self.client.get_executor(pure=False)
        return found

    @property
    def fits(self) -> Fits:
        return Fits(self.client)


@contextmanager
def opened(address: str | None) -> Iterator[Cluster | None]:
    """The cluster of a scheduler's address, or of two worker processes on this machine for ``local``; None for None.

    Raises UsageError where Dask is not installed, NotFound where no scheduler answers.
    """
    if address is None:
        yield None
        return
    with _client(address) as client:
        yield Cluster(client)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError(
            f"--cluster {address}: Dask is not installed; install loanwatch with the extra [cluster], or leave --cluster out",
            f"--cluster {address}:未安装 Dask;请安装 loanwatch[cluster],或去掉 --cluster",
        ) from error
    if address == LOCAL:
        with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as local, Client(local) as client:
            yield client
        return
    try:
        client = Client(address, timeout=SECONDS)
    except (OSError, ValueError) as error:
        raise NotFound(
            f"--cluster {address}: no Dask scheduler answers there; give its address as tcp://HOST:8786, or `local` for two"
            " worker processes on this machine",
            f"--cluster {address}:该地址无 Dask 调度器应答;请写作 tcp://主机:8786,或用 `local` 在本机启动两个工作进程",
        ) from error
    with client:
        yield client
