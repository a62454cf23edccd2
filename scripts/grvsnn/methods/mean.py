"""The floor: every animal is predicted by the mean of the training rows."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from grvsnn.protocol.fold_task import FoldFit, FoldTask


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Predict the mean of each trait's observed training phenotypes.

    Traits come standardised by the training rows, so the prediction is 0 up to
    rounding; it is computed all the same, for callers with traits of another scale.

    Parameters
    ----------
    tasks : sequence of FoldTask
        Outer folds.
    params : mapping
        Not read: the mean has nothing to set.
    n_threads : int
        Not read.

    Returns
    -------
    list of FoldFit
        Importance is zero and no feature is selected.
    """
    return [_fit_fold(task) for task in tasks]


def _fit_fold(task: FoldTask) -> FoldFit:
    start = time.perf_counter()
    Y = task.Y[task.train]
    observed = np.isfinite(Y)
    mean = np.where(observed, Y, 0.0).sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
    shape = (task.n_features, len(task.traits))
    return FoldFit(
        predicted=np.tile(mean, (len(task.test), 1)),
        importance=np.zeros(shape),
        selected=np.zeros(shape, dtype=bool),
        info={"seconds": time.perf_counter() - start},
    )
