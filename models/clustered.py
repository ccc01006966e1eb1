"""Boosters trained on a Dask cluster, by LightGBM's own Dask estimator: rows are spread over the workers, histograms are shared.

The estimator neither stops early nor promises the same bits twice: the number of trees is chosen by ``train`` as ever, and the
sums of the workers' histograms depend on which worker got which rows.
"""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

from features.arrays import Float, Mask
from models.matrix import Matrix
from models.train import Progress

LOG = logging.getLogger("lightgbm")
LOG.setLevel(logging.ERROR)  # as ``verbosity`` in the parameters, which comes too late for what the estimator says
OF_THE_MACHINES = re.compile(r"^\[(machines|local_listen_port|num_machines|time_out|num_threads): .*\]\n", re.MULTILINE)
"""Lines of a model's text that say where it was trained; a bundle says what a model is."""


class Cluster:
    """``models.train.Fits`` on the workers of a ``distributed.Client``: one part after another, each on all workers."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(
        self,
        x: Matrix,
        y: Float,
        weight: Float,
        parts: Sequence[Mask],
        parameters: Mapping[str, Any],
        rounds: int,
        done: Progress,
    ) -> list[lgb.Booster]:
        # LightGBM tells of its connections on stdout, where a document may be due.
        lgb.register_logger(LOG)
        self.client.run(os.dup2, 2, 1)
        boosters = []
        for rows in parts:
            boosters.append(self._booster(x, y, weight, np.flatnonzero(rows), parameters, rounds))
            done("trees", rounds)
        return boosters

    def _booster(self, x: Matrix, y: Float, weight: Float, rows: Any, parameters: Mapping[str, Any], rounds: int) -> lgb.Booster:
        from lightgbm.dask import DaskLGBMClassifier

        own = {name: value for name, value in parameters.items() if name != "num_threads"}  # a worker's threads are Dask's to say
        blocks = np.array_split(rows, len(self.client.scheduler_info()["workers"]))
        features = self._spread([x.block(block) for block in blocks])
        labels, stand_for = (self._spread([of[block] for block in blocks]) for of in (y, weight))
        model = DaskLGBMClassifier(client=self.client, n_estimators=rounds, **own)
        model.fit(features, labels, sample_weight=stand_for, feature_name=list(x.names))
        return lgb.Booster(model_str=OF_THE_MACHINES.sub("", model.booster_.model_to_string()))

    def _spread(self, blocks: list[Float]) -> Any:
        """A Dask array whose blocks lie on the workers already, so that the task graph does not carry them."""
        import dask
        import dask.array

        held = self.client.scatter(blocks, hash=False)
        return dask.array.concatenate(
            [dask.array.from_delayed(dask.delayed(h), b.shape, b.dtype) for h, b in zip(held, blocks, strict=True)]
        )
