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

import numpy as np
from threadpoolctl import threadpool_limits

from grvsnn.models.mixed.kernels import Kernels, loadings_factor, shared_products
from grvsnn.models.mixed.multitrait import Covariances, JointModel, traits_overlap
from grvsnn.models.network.threads import one_torch_thread
from grvsnn.protocol.fold_task import FoldFit, FoldTask, normalise_importance

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
        None are known.
    n_threads : int
        Threads.

    Returns
    -------
    list of FoldFit
        ``feature_columns["effect"]`` as for GBLUP; nothing is selected.
    """
    with threadpool_limits(1), one_torch_thread(n_threads) as pool:
        return list(pool.map(_fit_fold, tasks, shared_products(tasks)))


def _fit_fold(task: FoldTask, products: np.ndarray) -> FoldFit:
    start = time.perf_counter()
    kernels = Kernels(task, products, loadings_factor(task))
    traits = list(range(len(task.traits)))
    together = traits_overlap(np.isfinite(task.Y[task.train]))
    predicted = np.empty((len(task.test), len(traits)))
    effects = np.zeros((task.n_features, len(traits)))
    facts: dict[str, dict[str, object]] = {}
    for members in [traits] if together else [[trait] for trait in traits]:
        Y = task.Y[:, members]
        model = JointModel(kernels, Y, task.train)
        everyone, effects[:, members] = model.predict(Y, task.train)
        predicted[:, members] = everyone[task.test]
        facts |= _describe(task, members, model)
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


def _describe(
    task: FoldTask, members: Sequence[int], model: JointModel
) -> dict[str, dict[str, object]]:
    """JSON-able summary of each trait: shares, and its genetic correlations."""
    found = model.covariances
    r = genetic_correlations(found)
    return {
        task.traits[t]: {
            "h2": float(found.shares[:, i].sum()),
            "shares": dict(
                zip(model.kernels.names, found.shares[:, i].tolist(), strict=True)
            ),
            "genetic_correlations": {
                task.traits[other]: float(r[i, k])
                for k, other in enumerate(members)
                if other != t
            },
            "n_complete": model.n_complete,
            "log_likelihood": found.log_likelihood,
            "converged": found.converged,
        }
        for i, t in enumerate(members)
    }


def genetic_correlations(found: Covariances) -> np.ndarray:
    """Correlations of the traits' genetic values over all kernels, shape (T, T)."""
    genetic = found.kernels.sum(axis=0)
    sd = np.sqrt(np.diagonal(genetic))
    scale = np.outer(sd, sd)
    return np.divide(genetic, scale, out=np.zeros_like(scale), where=scale > 0)
