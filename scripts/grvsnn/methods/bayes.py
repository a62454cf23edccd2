"""Bayesian linear regressions: ``brr``, ``blasso`` and ``bayescpi``.

Two backends with one result: the R package BGLR (``bglr``) and the project's own
sampler of the same models (``native``), which runs all folds and traits of a call as
chains of one batch. Both fit the training rows; features are standardised by them.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

import grvsnn
from grvsnn.errors import InputError
from grvsnn.gibbs import (
    Design,
    Posterior,
    Settings,
    Target,
    build_design,
    choose_kernel,
    fit_exact_brr,
    sample,
)
from grvsnn.tasks import FoldFit, FoldTask, base_method, normalise_importance

logger = logging.getLogger(__name__)

CHOICES = {
    "backend": ("auto", "native", "bglr"),
    "eta": ("separate", "joint"),
    "route": ("gibbs", "exact"),
    "kernel": ("auto", "c", "numba"),
}
# Parameters that only `grvsnn.methods.bglr` reads.
BGLR_KEYS = {"bglr_rows", "save_effects", "r_source"}


@dataclass(frozen=True)
class BayesParams:
    """Parameters of the Bayesian methods.

    Parameters
    ----------
    backend : {"auto", "native", "bglr"}
        Who samples; "auto" takes BGLR where it is installed.
    n_iter, burn_in, thin : int
        Length of the chains, as in `Settings`.
    n_chains : int
        Chains per fold and trait, from different seeds.
    eta : {"separate", "joint"}
        Markers and loadings as two terms, each with its own variance, or as one.
    interval : float
        Probability inside the credible interval that decides on selection.
    route : {"gibbs", "exact"}
        BRR only: sampling, or integration over a grid of both variances.
    kernel : {"auto", "c", "numba"}
        Code that samples; "auto" takes C where a compiler is found.
    """

    backend: str = "auto"
    n_iter: int = 6000
    burn_in: int = 2000
    thin: int = 5
    n_chains: int = 1
    eta: str = "separate"
    interval: float = 0.95
    route: str = "gibbs"
    kernel: str = "auto"

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"{name}: {getattr(self, name)!r} is none of {', '.join(allowed)}"
                )
        for name in ("n_iter", "burn_in", "thin", "n_chains"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise InputError(f"{name}: {value!r} is not a whole number")
        if self.n_chains < 1:
            raise InputError(f"n_chains: {self.n_chains} must be at least 1")
        self.settings()

    @classmethod
    def from_mapping(cls, params: Mapping) -> "BayesParams":
        """Check the config's keys and values."""
        known = set(cls.__dataclass_fields__)
        if unknown := sorted(set(params) - known - BGLR_KEYS):
            raise InputError(
                f"unknown parameter {', '.join(unknown)} of a Bayesian method; "
                f"known are {', '.join(sorted(known))}"
            )
        return cls(**{key: params[key] for key in known & set(params)})

    def settings(self) -> Settings:
        """Length of the chains for the sampler."""
        return Settings(self.n_iter, self.burn_in, self.thin, self.interval)


def fit(tasks: Sequence[FoldTask], params: Mapping, n_threads: int) -> list[FoldFit]:
    """Fit every fold and trait; see `grvsnn.tasks` for the contract."""
    checked = BayesParams.from_mapping(params)
    if checked.backend != "native":
        # imported here, so that the native backend needs nothing of R
        from grvsnn.methods import bglr

        if checked.backend == "bglr" or bglr.is_available():
            return bglr.fit(tasks, params, n_threads)
        logger.info("BGLR is not installed: sampling with the native backend")
    fits: dict[int, FoldFit] = {}
    for members in shared_features(tasks):
        batch = [tasks[i] for i in members]
        fits.update(zip(members, _fit_batch(batch, checked, n_threads), strict=True))
    return [fits[i] for i in range(len(tasks))]


def shared_features(tasks: Sequence[FoldTask]) -> list[list[int]]:
    """Numbers of the tasks that share all features, and so can share a batch.

    Folds differ in their genotypes where missing calls were imputed per fold.
    """
    groups: list[list[int]] = []
    for number, task in enumerate(tasks):
        for members in groups:
            first = tasks[members[0]]
            if _same(first.genotypes, task.genotypes) and _same(
                first.loadings, task.loadings
            ):
                members.append(number)
                break
        else:
            groups.append([number])
    return groups


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or np.array_equal(a, b)


def _fit_batch(
    tasks: Sequence[FoldTask], params: BayesParams, n_threads: int
) -> list[FoldFit]:
    start = time.perf_counter()
    first = tasks[0]
    # All animals, so that the arithmetic is the same whichever folds share the call.
    rows = np.arange(len(first.sample_ids))
    design = build_design(
        first.genotypes, first.loadings, rows, joint=params.eta == "joint"
    )
    targets = [
        _target(task, trait, params.n_chains)
        for task in tasks
        for trait in range(len(task.traits))
    ]
    posteriors, how = _posteriors(
        design, targets, base_method(first.method), params, n_threads
    )
    facts = {
        "backend": "native",
        "version": grvsnn.__version__,
        **how,
        "seconds": (time.perf_counter() - start) / len(tasks),
    }
    n_traits = len(first.traits)
    return [
        _fold_fit(task, posteriors[i * n_traits : (i + 1) * n_traits], facts)
        for i, task in enumerate(tasks)
    ]


def _posteriors(
    design: Design,
    targets: Sequence[Target],
    method: str,
    params: BayesParams,
    n_threads: int,
) -> tuple[list[Posterior], dict[str, object]]:
    """Posterior of every target, and how it was found."""
    if params.route == "exact" and method == "brr" and design.n_terms == 1:
        with threadpool_limits(n_threads, "blas"):
            posteriors = fit_exact_brr(design, targets, params.interval)
        return posteriors, {"kernel": "exact", "iterations": 0}
    kernel = choose_kernel(params.kernel)
    posteriors = sample(design, method, targets, params.settings(), n_threads, kernel)
    return posteriors, {"kernel": kernel.name, "iterations": params.n_iter}


def _target(task: FoldTask, trait: int, n_chains: int) -> Target:
    """One trait of one fold; rows outside its training set stay NaN."""
    y = np.full(len(task.sample_ids), np.nan)
    y[task.train] = task.Y[task.train, trait]
    name = task.traits[trait]
    observed = y[np.isfinite(y)]
    if len(observed) < 3 or np.ptp(observed) == 0:
        raise InputError(
            f"{task.dataset}, repeat {task.repeat}, fold {task.fold}, trait {name}: "
            "fewer than three different training phenotypes; drop the trait or folds"
        )
    train = np.zeros(len(y), bool)
    train[task.scaling_rows] = True
    seeds = tuple(task.seed_for(name, chain) for chain in range(n_chains))
    return Target(y=y, train=train, seeds=seeds)


def _fold_fit(
    task: FoldTask, posteriors: Sequence[Posterior], facts: Mapping[str, object]
) -> FoldFit:
    parts = (task.genotypes[task.test], task.loadings[task.test])
    columns = {
        name: np.stack([getattr(posterior, name) for posterior in posteriors], axis=1)
        for name in ("effect", "sd", "lower", "upper", "pip")
    }
    if base_method(task.method) != "bayescpi":
        del columns["pip"]
    traits = dict(zip(task.traits, posteriors, strict=True))
    return FoldFit(
        predicted=np.stack([p.predict_parts(parts) for p in posteriors], axis=1),
        importance=normalise_importance(columns["effect"]),
        selected=(columns["lower"] > 0) | (columns["upper"] < 0),
        info={
            **facts,
            "variances": {name: p.summary() for name, p in traits.items()},
        },
        feature_columns=columns,
    )
