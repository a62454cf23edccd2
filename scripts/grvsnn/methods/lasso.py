"""Lasso and elastic net: coordinate descent by scikit-learn, tuned on inner rows.

For each trait, with standardised features X of the n rows that are fitted,

    min_b  |y - mu - X b|^2 / (2n) + alpha (rho |b|_1 + (1 - rho) |b|^2 / 2).

alpha runs down a geometric path from where all effects are 0. alpha, and for the
elastic net rho, are those of the smallest squared error over the inner validation rows;
the path is then walked once more on all training rows.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.linear_model import enet_path

from grvsnn.base.errors import InputError
from grvsnn.base.names import base_method
from grvsnn.protocol.fold_task import (
    FoldFit,
    FoldTask,
    normalise_importance,
    standardise,
)
from grvsnn.protocol.side_by_side import fit_side_by_side

logger = logging.getLogger(__name__)

RATIOS = {"lasso": (1.0,), "elastic_net": (0.1, 0.5, 0.9)}
SLACK = 1e-3
"""By what share of the penalty a feature's slope may pass it, as rounding."""


@dataclass(frozen=True)
class Options:
    """Settings of both methods; names are the config's keys.

    Parameters
    ----------
    n_alphas : int
        Penalties of a path.
    smallest : float
        The last penalty over the first.
    patience : int
        Penalties without a better validation error that end a path.
    l1_ratios : tuple of float
        Values of rho to try.
    tolerance : float
        Of scikit-learn's coordinate descent.
    """

    n_alphas: int = 50
    smallest: float = 0.01
    patience: int = 10
    l1_ratios: tuple[float, ...] = (1.0,)
    tolerance: float = 1e-3

    def ratios_of_path(self) -> np.ndarray:
        """Penalties over the largest one."""
        return np.geomspace(1.0, self.smallest, self.n_alphas)


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Fit every outer fold; folds run side by side.

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
        Selected: features with an effect. ``feature_columns["effect"]`` is that of one
        training standard deviation of the feature; importance is its size.
    """
    given = {"l1_ratios": RATIOS[base_method(tasks[0].method)], **params}
    options = Options(**{**given, "l1_ratios": tuple(given["l1_ratios"])})
    if not options.l1_ratios or not all(0 < ratio <= 1 for ratio in options.l1_ratios):
        raise InputError("elastic_net: l1_ratios need values above 0 and at most 1")
    return fit_side_by_side(partial(_fit_fold, options=options), tasks, n_threads)


def _fit_fold(task: FoldTask, options: Options) -> FoldFit:
    start = time.perf_counter()
    parts = [
        standardise(part, task.scaling_rows, np.float32)
        for part in (task.genotypes, task.loadings)
    ]
    X = np.asfortranarray(np.hstack(parts))
    effects = np.zeros((task.n_features, len(task.traits)))
    predicted = np.empty((len(task.test), len(task.traits)))
    chosen = {}
    for t, trait in enumerate(task.traits):
        fitted = _fit_trait(task, X, t, options)
        effects[:, t], predicted[:, t], chosen[trait] = fitted
    selected = effects != 0
    counts = dict(zip(task.traits, selected.sum(axis=0).tolist(), strict=True))
    logger.info("%s fold %d: %s, %s", task.method, task.fold, counts, chosen)
    return FoldFit(
        predicted=predicted,
        importance=normalise_importance(effects),
        selected=selected,
        info={"seconds": time.perf_counter() - start, "traits": chosen},
        feature_columns={"effect": effects},
    )


def _fit_trait(
    task: FoldTask, X: np.ndarray, t: int, options: Options
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Effects, predictions of the test animals, and the penalty of one trait."""
    y = task.Y[:, t]
    train = task.train[np.isfinite(y[task.train])]
    if len(train) < 3 or not task.inner_splits:
        raise InputError(
            f"{task.dataset}, fold {task.fold}: trait {task.traits[t]} has {len(train)}"
            f" training phenotypes in {len(task.inner_splits)} inner splits;"
            f" {task.method} needs at least 3, and a split"
        )
    best = min(
        (_validate(task, X, t, ratio, options) for ratio in options.l1_ratios),
        key=lambda found: found[0],
    )
    error, ratio, step = best
    path = _walk(X[train], y[train], ratio, options, step + 1)
    *_, (effects, mean) = path
    facts = {"l1_ratio": ratio, "step": step, "inner_mse": error}
    return effects, mean + X[task.test] @ effects, facts


def _validate(
    task: FoldTask, X: np.ndarray, t: int, ratio: float, options: Options
) -> tuple[float, float, int]:
    """Smallest mean squared error over the inner splits: error, rho and step."""
    y = task.Y[:, t]
    errors = np.full((len(task.inner_splits), options.n_alphas), np.nan)
    n_rows = np.zeros(len(task.inner_splits))
    for k, split in enumerate(task.inner_splits):
        rows, held = (part[np.isfinite(y[part])] for part in split)
        n_rows[k] = len(held)
        if not len(held) or len(rows) < 3:
            continue
        best = np.inf
        since = 0
        for step, (effects, mean) in enumerate(
            _walk(X[rows], y[rows], ratio, options, options.n_alphas)
        ):
            error = float(np.mean((mean + X[held] @ effects - y[held]) ** 2))
            errors[k, step] = error
            best, since = (error, 0) if error < best else (best, since + 1)
            if since >= options.patience:
                break
    used = np.isfinite(errors[:, 0])
    # a step that a split did not reach was past its best by then
    worst = np.where(np.isfinite(errors), errors, np.inf)[used]
    mean_error = np.average(worst, axis=0, weights=n_rows[used])
    step = int(np.argmin(mean_error))
    return float(mean_error[step]), ratio, step


def _walk(
    X: np.ndarray, y: np.ndarray, ratio: float, options: Options, n_steps: int
) -> Iterator[tuple[np.ndarray, float]]:
    """Yield effects and intercept at each penalty, from the largest one.

    A penalty is fitted over the features that the strong rule keeps (Tibshirani et al.,
    2012): those with an effect, and those whose slope |x'r| / n can reach the penalty
    if it changes no faster than the penalty does. Those that break the optimality
    conditions join them, until none does, so nothing is lost.
    """
    centre, mean = X.mean(axis=0), float(y.mean())
    X = np.asfortranarray(X - centre)
    target = (y - mean).astype(X.dtype)
    slope = np.abs(X.T @ target) / len(y)
    top = float(slope.max()) / ratio or 1.0
    effects = np.zeros(X.shape[1], X.dtype)
    before = top
    for alpha in top * options.ratios_of_path()[:n_steps]:
        kept = (slope >= ratio * (2 * alpha - before)) | (effects != 0)
        joining = kept
        while joining.any():
            columns = np.flatnonzero(kept)
            part = np.asfortranarray(X[:, columns])
            effects[columns] = _descend(
                part, target, ratio, alpha, effects[columns], options.tolerance
            )
            slope = np.abs(X.T @ (target - part @ effects[columns])) / len(y)
            joining = (slope > ratio * alpha * (1 + SLACK)) & ~kept
            kept |= joining
        before = alpha
        yield effects.astype(float), mean - float(centre @ effects)


def _descend(
    X: np.ndarray,
    target: np.ndarray,
    ratio: float,
    alpha: float,
    start: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """Effects at one penalty, by coordinate descent from given ones."""
    _, found, _ = enet_path(
        X,
        target,
        l1_ratio=ratio,
        alphas=[alpha],
        coef_init=np.asfortranarray(start),
        precompute=False,
        copy_X=False,
        check_input=False,
        tol=tolerance,
    )
    return found[:, -1]
