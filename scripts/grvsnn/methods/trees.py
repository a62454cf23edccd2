"""Trees by LightGBM: gradient boosting (``lightgbm``) and a random forest.

Trees take dosages and loadings as they are. One model is fitted for each trait: leaves
and the share of features that a tree may use are those of the smallest squared error
over the rows of the first inner split, which also stops boosting; the model is then
fitted to all training rows.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import lightgbm
import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.base.names import base_method
from grvsnn.protocol.fold_task import FoldFit, FoldTask, normalise_importance
from grvsnn.protocol.side_by_side import fit_side_by_side

logger = logging.getLogger(__name__)

COMMON = {
    "objective": "regression",
    "verbosity": -1,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "feature_pre_filter": False,
}


@dataclass(frozen=True)
class Options:
    """Settings of both methods; names are the config's keys.

    Parameters
    ----------
    leaves : tuple of int
        Largest numbers of leaves to try.
    feature_shares : tuple of float
        Shares of the features that a tree may use, to try.
    n_trees : int
        Trees of the forest; most trees of boosting.
    learning_rate : float
        Of boosting.
    patience : int
        Trees without a better validation error that end boosting.
    min_leaf : int
        Fewest animals of a leaf.
    """

    leaves: tuple[int, ...]
    feature_shares: tuple[float, ...]
    n_trees: int
    learning_rate: float = 0.03
    patience: int = 50
    min_leaf: int = 5


DEFAULTS = {
    "lightgbm": Options((4, 12), (0.3,), 600),
    "random_forest": Options((64,), (0.33, 1.0), 200),
}


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Fit every outer fold; folds run side by side with one thread each.

    Parameters
    ----------
    tasks : sequence of FoldTask
        Outer folds.
    params : mapping
        See `Options`.
    n_threads : int
        Threads.

    Returns
    -------
    list of FoldFit
        Importance: total gain of a feature's splits. Nothing is selected.
    """
    method = base_method(tasks[0].method)
    values = {**vars(DEFAULTS[method]), **params}
    for name in ("leaves", "feature_shares"):
        values[name] = tuple(values[name])
    options = Options(**values)
    fit_fold = partial(_fit_fold, method=method, options=options)
    return fit_side_by_side(fit_fold, tasks, n_threads)


def _fit_fold(task: FoldTask, method: str, options: Options) -> FoldFit:
    start = time.perf_counter()
    X = np.hstack([task.genotypes, task.loadings]).astype(np.float32)
    predicted = np.empty((len(task.test), len(task.traits)))
    gain = np.zeros((task.n_features, len(task.traits)))
    chosen = {}
    for t, trait in enumerate(task.traits):
        settings, n_trees, error = _tune(task, X, t, method, options)
        rows = task.train[np.isfinite(task.Y[task.train, t])]
        data = lightgbm.Dataset(X[rows], task.Y[rows, t], params=COMMON)
        booster = lightgbm.train(settings, data, n_trees)
        predicted[:, t] = booster.predict(X[task.test], num_threads=1)
        gain[:, t] = booster.feature_importance("gain")
        names = ("num_leaves", "feature_fraction")
        chosen[trait] = {name: settings[name] for name in names}
        chosen[trait] |= {"n_trees": n_trees, "inner_mse": error}
    logger.info("%s fold %d: %s", task.method, task.fold, chosen)
    return FoldFit(
        predicted=predicted,
        importance=normalise_importance(gain),
        selected=np.zeros(gain.shape, dtype=bool),
        info={
            "seconds": time.perf_counter() - start,
            "traits": chosen,
            "backend": "lightgbm",
            "version": lightgbm.__version__,
        },
        feature_columns={"gain": gain},
    )


def _tune(
    task: FoldTask, X: np.ndarray, t: int, method: str, options: Options
) -> tuple[dict[str, object], int, float | None]:
    """Return settings, number of trees and inner error of the best of the grid."""
    y = task.Y[:, t]
    if not task.inner_splits:
        raise InputError(f"{task.dataset}: {task.method} needs inner validation rows")
    rows, held = (part[np.isfinite(y[part])] for part in task.inner_splits[0])
    if len(rows) < 2 * options.min_leaf or not len(held):
        raise InputError(
            f"{task.dataset}, fold {task.fold}: {task.method} needs phenotypes in the"
            f" inner training and validation rows, found {len(rows)} and {len(held)}"
        )
    grid = list(product(options.leaves, options.feature_shares))
    if method == "random_forest" and len(grid) == 1:
        # nothing to choose
        return _settings(task, method, options, *grid[0]), options.n_trees, None
    data = lightgbm.Dataset(X[rows], y[rows], params=COMMON, free_raw_data=False)
    held_data = data.create_valid(X[held], y[held])
    best: tuple[dict[str, object], int, float] | None = None
    for leaves, share in grid:
        settings = _settings(task, method, options, leaves, share)
        stop = lightgbm.early_stopping(options.patience, verbose=False)
        booster = lightgbm.train(
            settings,
            data,
            options.n_trees,
            valid_sets=[held_data],
            callbacks=[stop] if method == "lightgbm" else [],
        )
        n_trees = booster.best_iteration if method == "lightgbm" else options.n_trees
        guess = booster.predict(X[held], num_iteration=n_trees, num_threads=1)
        error = float(np.mean((guess - y[held]) ** 2))
        if best is None or error < best[2]:
            best = settings, n_trees, error
    return best


def _settings(
    task: FoldTask, method: str, options: Options, leaves: int, share: float
) -> dict[str, object]:
    """LightGBM's parameters for one cell of the grid."""
    settings = {
        **COMMON,
        "num_leaves": leaves,
        "feature_fraction": share,
        "min_data_in_leaf": options.min_leaf,
        "seed": task.seed_for("trees") % 2**31,
        "learning_rate": options.learning_rate,
        "metric": "l2",
    }
    if method == "random_forest":
        settings |= {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.632}
    return settings
