"""Multi-trait GBLUP: all traits in one mixed model, with their genetic correlations.

Covariance matrices of G, L L' and the residuals are estimated by restricted maximum
likelihood from the training animals with every trait observed; predictions use every
training phenotype, so that an animal's records of one trait tell of the others. Where
fewer than half of a trait's records are on such animals, correlations cannot be trusted
and each trait is fitted on its own, as by GBLUP.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from grvsnn.models.mixed.kernels import LOADINGS, Kernels, shared_products
from grvsnn.models.mixed.multitrait import (
    Covariances,
    fit_covariances,
    solve_jointly,
)
from grvsnn.protocol.fold_task import FoldFit, FoldTask, normalise_importance

logger = logging.getLogger(__name__)

LEAST_SHARE = 0.5
"""Share of a trait's records that must be on animals with every trait observed."""


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Fit every outer fold; folds run side by side with one BLAS thread each.

    Parameters
    ----------
    tasks : sequence of FoldTask
        Outer folds.
    params : mapping
        None are known.
    n_threads : int
        Threads.

    Returns
    -------
    list of FoldFit
        ``feature_columns["effect"]`` as for GBLUP; nothing is selected.
    """

    def start() -> None:
        torch.set_num_threads(1)

    with (
        threadpool_limits(1),
        ThreadPoolExecutor(max(1, n_threads), initializer=start) as pool,
    ):
        jobs = [
            pool.submit(_fit_fold, task, products)
            for task, products in zip(tasks, shared_products(tasks), strict=True)
        ]
        return [job.result() for job in jobs]


def _fit_fold(task: FoldTask, products: np.ndarray) -> FoldFit:
    start = time.perf_counter()
    factors = {LOADINGS: task.loadings} if task.n_loadings else {}
    kernels = Kernels(task, products, factors)
    observed = np.isfinite(task.Y[task.train])
    rows = task.train[observed.any(axis=1)]
    groups = _traits_together(observed)
    predicted = np.empty((len(task.test), len(task.traits)))
    effects = np.zeros((task.n_features, len(task.traits)))
    facts: dict[str, dict[str, object]] = {}
    for members in groups:
        Y = task.Y[:, members]
        complete = rows[np.isfinite(Y[rows]).all(axis=1)]
        contrasts = kernels.over(complete)
        found = fit_covariances(Y[complete], contrasts)
        scales = np.where(contrasts.scales > 0, contrasts.scales, 1.0)
        use = rows[np.isfinite(Y[rows]).any(axis=1)]
        over = [
            kernels.block(name, use, use) / scale
            for name, scale in zip(kernels.names, scales, strict=True)
        ]
        mean, weights = solve_jointly(Y[use], over, found)
        predicted[:, members] = mean
        spread = np.zeros((len(task.Y), len(members)))
        for name, scale, S in zip(kernels.names, scales, found.kernels, strict=True):
            spread[use] = weights @ S / scale
            predicted[:, members] += kernels.block(name, task.test, use) @ spread[use]
            effects[:, members] += kernels.effects_of(name, spread)
        facts |= _describe(task, members, kernels.names, found, len(complete))
    logger.info("mtgblup repeat %d fold %d: %s", task.repeat, task.fold, facts)
    return FoldFit(
        predicted=predicted,
        importance=normalise_importance(effects),
        selected=np.zeros(effects.shape, dtype=bool),
        info={
            "seconds": time.perf_counter() - start,
            "kernels": kernels.names,
            "traits": {name: facts[name] for name in task.traits},
        },
        feature_columns={"effect": effects},
    )


def _traits_together(observed: np.ndarray) -> list[list[int]]:
    """All traits in one group, or each alone where their records hardly overlap."""
    n_complete = observed.all(axis=1).sum()
    least = LEAST_SHARE * observed.sum(axis=0).max()
    everyone = list(range(observed.shape[1]))
    return [everyone] if n_complete >= least else [[trait] for trait in everyone]


def _describe(
    task: FoldTask,
    members: Sequence[int],
    names: Sequence[str],
    found: Covariances,
    n_complete: int,
) -> dict[str, dict[str, object]]:
    """JSON-able summary of each trait: shares, and its genetic correlations."""
    sd = np.sqrt(np.diagonal(found.kernels.sum(axis=0)))
    scale = np.outer(sd, sd)
    genetic = found.kernels.sum(axis=0)
    r = np.divide(genetic, scale, out=np.zeros_like(scale), where=scale > 0)
    return {
        task.traits[t]: {
            "h2": float(found.shares[:, i].sum()),
            "shares": dict(zip(names, found.shares[:, i].tolist(), strict=True)),
            "genetic_correlations": {
                task.traits[other]: float(r[i, k])
                for k, other in enumerate(members)
                if other != t
            },
            "n_complete": n_complete,
            "log_likelihood": found.log_likelihood,
            "converged": found.converged,
        }
        for i, t in enumerate(members)
    }
