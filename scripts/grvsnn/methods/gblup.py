"""GBLUP: best linear unbiased prediction with genomic and pedigree kernels.

Each trait is fitted on its own, with REML variance components: G (VanRaden's first
form, allele frequencies of the training rows) in setting ``markers``, G and L L' as
two kernels in ``markers_pedigree``, L L' in ``pedigree``. GBLUP shrinks every effect
and drops none, so nothing counts as selected; effects are solved back for the ranking.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from grvsnn.errors import InputError
from grvsnn.reml import MAX_ITERATIONS, RemlFit, build_contrasts, fit_reml
from grvsnn.tasks import FoldFit, FoldTask, column_moments, normalise_importance

logger = logging.getLogger(__name__)

# markers per pass; small enough that float32 sums of dosage products are exact
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class _Trait:
    """One trait's fit."""

    reml: RemlFit
    mean: float
    genetic: np.ndarray  # of every animal, up to the constant that `mean` absorbs
    weights: np.ndarray  # P y over all animals, 0 where not observed


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
    with threadpool_limits(1), ThreadPoolExecutor(max(1, n_threads)) as pool:
        products: dict[int, np.ndarray] = {}
        for task in tasks:
            if id(task.genotypes) not in products:
                products[id(task.genotypes)] = marker_products(task.genotypes)
        jobs = [
            pool.submit(_fit_fold, task, products[id(task.genotypes)], max_iterations)
            for task in tasks
        ]
        return [job.result() for job in jobs]


def marker_products(genotypes: np.ndarray) -> np.ndarray:
    """Cross-products X X' of the raw dosages.

    Hard calls are multiplied in float32, exactly: a block's sums stay below 2^24.

    Parameters
    ----------
    genotypes : ndarray, shape (n_samples, n_markers)
        Dosages.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_samples)
    """
    n_samples, n_markers = genotypes.shape
    hard_calls = np.issubdtype(genotypes.dtype, np.integer)
    out = np.zeros((n_samples, n_samples))
    for start in range(0, n_markers, _BLOCK):
        block = genotypes[:, start : start + _BLOCK]
        block = block.astype(np.float32 if hard_calls else np.float64)
        out += block @ block.T
    return out


def vanraden_scale(genotypes: np.ndarray, rows: np.ndarray) -> float:
    """Sum over markers of 2 p (1 - p), with allele frequencies p over `rows`."""
    frequency = genotypes[rows].mean(axis=0, dtype=np.float64) / 2.0
    return float(2.0 * (frequency * (1.0 - frequency)).sum())


def _fit_fold(task: FoldTask, products: np.ndarray, max_iterations: int) -> FoldFit:
    start = time.perf_counter()
    kernels = _Kernels(task, products)
    fits: dict[int, _Trait] = {}
    for rows, members in _observation_patterns(task):
        contrasts = build_contrasts(*kernels.over(rows))
        for t in members:
            reml = fit_reml(task.Y[rows, t], contrasts, max_iterations)
            fits[t] = kernels.solve(reml, rows, task.Y[rows, t])
            _log(task, task.traits[t], reml)
    traits = [fits[t] for t in range(len(task.traits))]
    effects = kernels.standardised_effects(traits)
    return FoldFit(
        predicted=np.column_stack([f.mean + f.genetic[task.test] for f in traits]),
        importance=normalise_importance(effects),
        selected=np.zeros(effects.shape, dtype=bool),
        info={
            "seconds": time.perf_counter() - start,
            "kernels": kernels.names,
            "traits": {
                name: _describe(trait, kernels.names)
                for name, trait in zip(task.traits, traits, strict=True)
            },
        },
        feature_columns={"effect": effects},
    )


def _observation_patterns(task: FoldTask) -> Iterator[tuple[np.ndarray, list[int]]]:
    """Training rows observed alike, with the traits that share them."""
    observed = np.isfinite(task.Y[task.train])
    patterns: dict[bytes, list[int]] = {}
    for t in range(len(task.traits)):
        patterns.setdefault(observed[:, t].tobytes(), []).append(t)
    for members in patterns.values():
        rows = task.train[observed[:, members[0]]]
        if len(rows) < 3:
            raise InputError(
                f"{task.dataset}, fold {task.fold}: trait {task.traits[members[0]]} has"
                f" {len(rows)} training phenotypes; gblup needs at least 3"
            )
        yield rows, members


class _Kernels:
    """The kernels of one fold: G from markers, L L' from loadings, either or both."""

    def __init__(self, task: FoldTask, products: np.ndarray) -> None:
        self.task = task
        self.products = products
        self.names: list[str] = []
        if task.n_markers:
            self.names.append("markers")
            # a fold without polymorphic markers keeps a kernel of zeros
            self.scale = vanraden_scale(task.genotypes, task.train) or 1.0
        if task.n_loadings:
            self.names.append("loadings")
        if not self.names:
            raise InputError(
                f"{task.dataset}, setting {task.setting}: gblup has neither markers"
                " nor pedigree loadings to build a kernel from"
            )

    def over(self, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """First kernel over `rows`, and factors of the others.

        G is left uncentred: REML's contrasts and the mean absorb any centring.
        """
        L = self.task.loadings[rows]
        if "markers" not in self.names:
            return L @ L.T, []
        G = self.products[np.ix_(rows, rows)] / self.scale
        return G, [L] if self.task.n_loadings else []

    def solve(self, reml: RemlFit, rows: np.ndarray, y: np.ndarray) -> _Trait:
        """Genetic values of all animals, g = sum_k s_k K_k[:, rows] P y, and mean."""
        variances = dict(zip(self.names, reml.variances, strict=True))
        genetic = np.zeros(len(self.task.Y))
        if "markers" in variances:
            weight = variances["markers"] / self.scale
            genetic += weight * (self.products[:, rows] @ reml.projected)
        if "loadings" in variances:
            L = self.task.loadings
            genetic += variances["loadings"] * (L @ (L[rows].T @ reml.projected))
        weights = np.zeros(len(self.task.Y))
        weights[rows] = reml.projected
        # y - g - s_e P y is the generalised least squares mean, and P y sums to 0
        return _Trait(reml, float(np.mean(y - genetic[rows])), genetic, weights)

    def standardised_effects(self, traits: Sequence[_Trait]) -> np.ndarray:
        """Effects of one training standard deviation, shape (n_features, T).

        Marker effects are s_G X' P y / sum 2p(1 - p); those of loadings s_L L' P y.
        """
        task = self.task
        W = np.column_stack([trait.weights for trait in traits])[task.train]
        variances = np.array([trait.reml.variances for trait in traits]).T
        parts = []
        if "markers" in self.names:
            effects = _transpose_times(task.genotypes, task.train, W)
            effects *= variances[0] / self.scale
            sd = column_moments(task.genotypes, task.train)[1]
            parts.append(effects * sd[:, None])
        if "loadings" in self.names:
            effects = (task.loadings[task.train].T @ W) * variances[-1]
            sd = column_moments(task.loadings, task.train)[1]
            parts.append(effects * sd[:, None])
        return np.vstack(parts)


def _transpose_times(
    genotypes: np.ndarray, rows: np.ndarray, W: np.ndarray
) -> np.ndarray:
    """X[rows]' W, a block of markers at a time."""
    out = np.empty((genotypes.shape[1], W.shape[1]))
    for start in range(0, genotypes.shape[1], _BLOCK):
        block = genotypes[rows, start : start + _BLOCK].astype(np.float64)
        out[start : start + _BLOCK] = block.T @ W
    return out


def _describe(trait: _Trait, names: Sequence[str]) -> dict[str, object]:
    """JSON-able summary of one trait's REML fit."""
    reml = trait.reml
    facts = asdict(reml)
    del facts["projected"]
    facts["variances"] = dict(zip(names, reml.variances.tolist(), strict=True))
    facts["shares"] = dict(zip(names, reml.shares.tolist(), strict=True))
    return {"h2": reml.h2, **facts}


def _log(task: FoldTask, trait: str, reml: RemlFit) -> None:
    logger.info(
        "gblup repeat %d fold %d %s: h2 %.3f, log-likelihood %.3f, %d iterations",
        task.repeat,
        task.fold,
        trait,
        reml.h2,
        reml.log_likelihood,
        reml.iterations,
    )
    if not reml.converged:
        logger.warning("gblup fold %d %s: REML did not converge", task.fold, trait)
