"""GBLUP and its kin: best linear unbiased prediction with several kernels.

Each trait is fitted on its own, with REML variance components: G (VanRaden's first
form, allele frequencies of the training rows) in setting ``markers``, G and L L' as
two kernels in ``markers_pedigree``, L L' in ``pedigree``. ``ablup`` has the numerator
relationships A of the genotyped animals in place of L L'. ``gblup_env`` adds a kernel
Z Z' for each common environment, 1 between animals of one class (pen, cage, litter).
GBLUP shrinks every effect and drops none, so nothing counts as selected; effects are
solved back for the ranking.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np

from grvsnn.models.mixed.kernels import (
    PEDIGREE,
    Kernels,
    loadings_factor,
    observation_patterns,
    shared_products,
)
from grvsnn.models.mixed.reml import MAX_ITERATIONS, RemlFit, fit_reml
from grvsnn.protocol.fold_task import FoldFit, FoldTask, normalise_importance
from grvsnn.protocol.side_by_side import fit_side_by_side

logger = logging.getLogger(__name__)


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Fit GBLUP in every outer fold.

    Folds run side by side on `n_threads` threads with one BLAS thread each, so
    results do not depend on the number of threads.

    Parameters
    ----------
    tasks : sequence of FoldTask
        Outer folds; the marker cross-products are shared between folds that hold the
        same genotypes.
    params : mapping
        ``max_iterations``: limit of REML's Newton steps (several kernels only).
    n_threads : int
        Threads.

    Returns
    -------
    list of FoldFit
        ``feature_columns["effect"]`` is the effect of one training standard deviation
        of the feature; importance is its size; nothing is selected.
    """
    max_iterations = int(params.get("max_iterations", MAX_ITERATIONS))
    fit_fold = partial(_fit_fold, max_iterations=max_iterations)
    return fit_side_by_side(fit_fold, tasks, n_threads, shared_products)


def _fit_fold(task: FoldTask, products: np.ndarray, max_iterations: int) -> FoldFit:
    start = time.perf_counter()
    kernels = Kernels(task, products, _factors(task))
    n_traits = len(task.traits)
    fits: list[RemlFit] = [None] * n_traits
    predicted = np.empty((len(task.test), n_traits))
    weights = np.empty((len(task.Y), n_traits))
    for rows, members in observation_patterns(task):
        contrasts = kernels.over(rows)
        for t in members:
            fits[t] = fit_reml(task.Y[rows, t], contrasts, max_iterations)
            blup = kernels.blup(fits[t], rows, task.Y[rows, t])
            predicted[:, t] = blup.predicted[task.test]
            weights[:, t] = blup.weights
            _log(task, task.traits[t], fits[t])
    variances = np.array([reml.variances for reml in fits]).T
    effects = kernels.standardised_effects(weights, variances)
    return FoldFit(
        predicted=predicted,
        importance=normalise_importance(effects),
        selected=np.zeros(effects.shape, dtype=bool),
        info={
            "seconds": time.perf_counter() - start,
            "kernels": kernels.names,
            "traits": {
                name: describe_reml(reml, kernels.names, task.environment)
                for name, reml in zip(task.traits, fits, strict=True)
            },
        },
        feature_columns={"effect": effects},
    )


def _factors(task: FoldTask) -> dict[str, np.ndarray]:
    """Factors F of the kernels F F' beside G, each of shape (n_samples, m)."""
    if task.relationship is not None:
        factors = {PEDIGREE: relationship_factor(task.relationship)}
    else:
        factors = loadings_factor(task)
    return factors | {
        name: class_columns(codes) for name, codes in task.environment.items()
    }


def relationship_factor(A: np.ndarray) -> np.ndarray:
    """F with A = F F', shape (n_samples, rank), from A's eigenvectors."""
    values, vectors = np.linalg.eigh(A)
    kept = values > values[-1] * len(A) * np.finfo(float).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def class_columns(codes: np.ndarray) -> np.ndarray:
    """Z, a column of 0 and 1 for each class; zeros for an animal without one."""
    return (codes[:, None] == np.arange(codes.max(initial=-1) + 1)).astype(float)


def describe_reml(
    reml: RemlFit, names: Sequence[str], environment: Iterable[str] = ()
) -> dict[str, object]:
    """JSON-able summary of one trait's REML fit; h2 leaves out the environment."""
    facts = asdict(reml)
    del facts["projected"]
    facts["variances"] = dict(zip(names, reml.variances.tolist(), strict=True))
    facts["shares"] = dict(zip(names, reml.shares.tolist(), strict=True))
    shared = sum(facts["shares"][name] for name in environment)
    return {"h2": reml.h2 - shared, **facts}


def _log(task: FoldTask, trait: str, reml: RemlFit) -> None:
    logger.info(
        "%s repeat %d fold %d %s: shares %s, log-likelihood %.3f, %d iterations",
        task.method,
        task.repeat,
        task.fold,
        trait,
        np.round(reml.shares, 3),
        reml.log_likelihood,
        reml.iterations,
    )
    if not reml.converged:
        logger.warning(
            "%s fold %d %s: REML did not converge", task.method, task.fold, trait
        )
