"""Reproducing-kernel regression: a Gaussian kernel of the markers, by REML.

    y = mu 1 + g + l + e,   g ~ N(0, s_g K),   l ~ N(0, s_l L L'),   e ~ N(0, s_e I)
    K_ij = exp(-h d_ij^2 / m)

with d_ij^2 the squared distance of two animals' dosages and m its median over the
training pairs (Gianola and van Kaam, 2008). A small bandwidth h makes K linear in the
dosages, as G is; a larger one lets genotypes interact. Each trait takes the h with the
largest restricted likelihood of its training rows. Pedigree loadings, where there are
any, are a kernel of their own.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.models.mixed.kernels import observation_patterns, shared_products
from grvsnn.models.mixed.reml import (
    MAX_ITERATIONS,
    RemlFit,
    contrast_eigenvectors,
    fit_reml,
    rotate_kernels,
)
from grvsnn.protocol.fold_task import FoldFit, FoldTask
from grvsnn.protocol.side_by_side import fit_side_by_side

logger = logging.getLogger(__name__)


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Fit every outer fold; folds run side by side with one BLAS thread each.

    Parameters
    ----------
    tasks : sequence of FoldTask
        Outer folds.
    params : mapping
        ``bandwidths``: values of h to try.
    n_threads : int
        Threads.

    Returns
    -------
    list of FoldFit
        Without importance: the kernel knows animals, not markers.
    """
    bandwidths = tuple(params.get("bandwidths", (0.1, 0.3, 1.0, 3.0, 5.0)))
    if not bandwidths or min(bandwidths) <= 0:
        raise InputError("rkhs: bandwidths need at least one value, all above 0")
    fit_fold = partial(_fit_fold, bandwidths=bandwidths)
    return fit_side_by_side(fit_fold, tasks, n_threads, shared_products)


def squared_distances(products: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Squared distances of all animals, in medians over pairs of training animals.

    Parameters
    ----------
    products : ndarray, shape (n_samples, n_samples)
        X X' of the dosages.
    train : ndarray of int
        Training rows.
    """
    square = np.diag(products)
    distance = np.maximum(square[:, None] + square - 2.0 * products, 0.0)
    pairs = distance[np.ix_(train, train)][np.triu_indices(len(train), 1)]
    return distance / (np.median(pairs) or 1.0)


def _fit_fold(
    task: FoldTask, products: np.ndarray, bandwidths: Sequence[float]
) -> FoldFit:
    start = time.perf_counter()
    if not task.n_markers:
        raise InputError(
            f"{task.dataset}, setting {task.setting}: rkhs needs markers; leave it out"
            " or run another setting"
        )
    distance = squared_distances(products, task.train)
    predicted = np.empty((len(task.test), len(task.traits)))
    chosen: dict[str, dict[str, object]] = {}
    for rows, members in observation_patterns(task):
        best: dict[int, tuple[RemlFit, float]] = {}
        for h in bandwidths:
            kernel = np.exp(-h * distance[np.ix_(rows, rows)])
            factors = [task.loadings[rows]] if task.n_loadings else []
            contrasts = rotate_kernels(contrast_eigenvectors(kernel), factors)
            for t in members:
                found = fit_reml(task.Y[rows, t], contrasts, MAX_ITERATIONS)
                if t not in best or found.log_likelihood > best[t][0].log_likelihood:
                    best[t] = found, h
        for t, (reml, h) in best.items():
            predicted[:, t] = _predict(task, distance, rows, t, reml, h)
            chosen[task.traits[t]] = _describe(task, reml, h)
    zeros = np.zeros((task.n_features, len(task.traits)))
    seconds = time.perf_counter() - start
    logger.info("rkhs repeat %d fold %d: %s", task.repeat, task.fold, chosen)
    return FoldFit(
        predicted=predicted,
        importance=zeros,
        selected=zeros.astype(bool),
        info={"seconds": seconds, "traits": {t: chosen[t] for t in task.traits}},
    )


def _predict(
    task: FoldTask,
    distance: np.ndarray,
    rows: np.ndarray,
    t: int,
    reml: RemlFit,
    h: float,
) -> np.ndarray:
    """BLUP of the test animals: mu + sum of s_k K_k[test, rows] P y."""
    wanted = np.concatenate([rows, task.test])
    kernel = np.exp(-h * distance[np.ix_(wanted, rows)])
    genetic = reml.variances[0] * (kernel @ reml.projected)
    if task.n_loadings:
        weights = task.loadings[rows].T @ reml.projected
        genetic += reml.variances[1] * (task.loadings[wanted] @ weights)
    # P y sums to 0, so this is the generalised least squares mean
    mean = np.mean(task.Y[rows, t] - genetic[: len(rows)])
    return mean + genetic[len(rows) :]


def _describe(task: FoldTask, reml: RemlFit, h: float) -> dict[str, object]:
    names = ["gaussian", *(["loadings"] if task.n_loadings else [])]
    return {
        "bandwidth": h,
        "log_likelihood": reml.log_likelihood,
        "shares": dict(zip(names, reml.shares.tolist(), strict=True)),
        "h2": reml.h2,
    }
