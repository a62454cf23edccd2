"""Bayesian linear regressions: ``brr``, ``blasso``, ``bayescpi`` and ``bayesr``.

Two backends with one result: the R package BGLR (``bglr``) and the project's own
sampler of the same models (``native``), which runs all folds and traits of a call as
chains of one batch. BayesR is the native sampler's alone. Both fit the training rows;
features are standardised by them.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import grvsnn
from grvsnn.base.errors import InputError
from grvsnn.base.names import base_method
from grvsnn.genotypes.plink import impute_by_training_rows
from grvsnn.methods import bglr
from grvsnn.models.gibbs.design import Design, Patch, build_design, find_patch
from grvsnn.models.gibbs.exact import fit_exact_brr
from grvsnn.models.gibbs.lanes import Target
from grvsnn.models.gibbs.posterior import Posterior
from grvsnn.models.gibbs.sampler import Settings, choose_kernel, sample
from grvsnn.protocol.fold_task import (
    FoldFit,
    FoldTask,
    holds_calls,
    normalise_importance,
)

logger = logging.getLogger(__name__)

CHOICES = {
    "backend": ("auto", "native", "bglr"),
    "eta": ("separate", "joint"),
    "route": ("gibbs", "exact"),
}
# What a job adds to the config's parameters, for `grvsnn.methods.bglr`.
JOB_KEYS = {"scratch"}


@dataclass(frozen=True)
class BayesParams:
    """Parameters of the Bayesian methods.

    Parameters
    ----------
    backend : {"auto", "native", "bglr"}
        Who samples; see `choose_backend`.
    n_iter, burn_in, thin : int
        Length of the chains, as in `Settings`.
    n_chains : int
        Chains per fold and trait, from different seeds.
    eta : {"separate", "joint"}
        Markers and loadings as two terms, each with its own variance, or as one.
    interval : float
        Probability inside the credible interval that decides on selection.
    route : {"gibbs", "exact"}
        BRR only: sampling, or integration over a grid of the variances; the other
        methods are sampled all the same.
    """

    backend: str = "auto"
    n_iter: int = 6000
    burn_in: int = 2000
    thin: int = 5
    n_chains: int = 1
    eta: str = "separate"
    interval: float = 0.95
    route: str = "gibbs"

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
        if unknown := sorted(set(params) - known - JOB_KEYS):
            raise InputError(
                f"unknown parameter {', '.join(unknown)} of a Bayesian method; "
                f"known are {', '.join(sorted(known))}"
            )
        return cls(**{key: params[key] for key in known & set(params)})

    def settings(self) -> Settings:
        """Length of the chains for the sampler."""
        return Settings(self.n_iter, self.burn_in, self.thin, self.interval)


def choose_backend(params: BayesParams, method: str) -> tuple[str, str]:
    """Choose who fits a method, and say why.

    ``auto`` takes BGLR where it can run and can do what is asked, else the project's
    own sampler of the same models.

    Returns
    -------
    backend : {"native", "bglr"}
    reason : str
        A clause, for a log line.

    Raises
    ------
    InputError
        For ``bglr`` where BGLR cannot run, or cannot do what is asked.
    """
    beyond = _beyond_bglr(params, method)
    if params.backend == "native":
        return "native", "as the config says"
    if params.backend == "bglr":
        if beyond:
            raise InputError(
                f"backend bglr: BGLR cannot do {beyond}; set backend: auto or native"
            )
        bglr.demand_bglr()
        return "bglr", "as the config says"
    if beyond:
        return "native", f"BGLR cannot do {beyond}"
    if reason := bglr.availability_reason():
        return "native", f"BGLR cannot run here: {reason}"
    return "bglr", "it is installed"


def _beyond_bglr(params: BayesParams, method: str) -> str:
    """Name what only the native backend does; empty where BGLR does it too."""
    if base_method(method) == "bayesr":
        return "BayesR"
    if base_method(method) == "brr" and params.route == "exact":
        return "route: exact"
    if params.n_chains > 1:
        return f"n_chains: {params.n_chains} (it runs one chain)"
    return ""


def job_params(gpu: int, checkpoint: Path) -> dict[str, object]:
    """Give BGLR a folder that all runs of a job share, so that the next removes it."""
    return {"scratch": str(checkpoint.parent / "bglr-scratch")}


def fit(tasks: Sequence[FoldTask], params: Mapping, n_threads: int) -> list[FoldFit]:
    """Fit every fold and trait; see `grvsnn.protocol.fold_task` for the contract."""
    checked = BayesParams.from_mapping(params)
    for task in tasks:
        _check_traits(task)
    backend, reason = choose_backend(checked, tasks[0].method)
    logger.info("backend %s: %s", backend, reason)
    if backend == "bglr":
        fits = bglr.fit(tasks, params, n_threads)
    else:
        fits = _fit_native(tasks, checked, n_threads)
    return [replace(one, info={**one.info, "backend_reason": reason}) for one in fits]


def _check_traits(task: FoldTask) -> None:
    """Refuse a trait that tells nothing, in the same words on both backends."""
    for name, y in zip(task.traits, task.Y[task.train].T, strict=True):
        observed = y[np.isfinite(y)]
        if len(observed) >= 3 and np.ptp(observed) > 0:
            continue
        found = f"{len(observed)} training phenotypes"
        if len(observed) > 1 and np.ptp(observed) == 0:
            found += ", all the same"
        raise InputError(
            f"{task.dataset}, repeat {task.repeat}, fold {task.fold}, trait {name}: "
            f"{found}, and a Bayesian regression needs at least three that differ; "
            "drop the trait or use fewer folds"
        )


def _fit_native(
    tasks: Sequence[FoldTask], params: BayesParams, n_threads: int
) -> list[FoldFit]:
    fits: dict[int, FoldFit] = {}
    for genotypes, members in shared_features(tasks):
        batch = [tasks[i] for i in members]
        done = _fit_batch(batch, genotypes, params, n_threads)
        fits.update(zip(members, done, strict=True))
    return [fits[i] for i in range(len(tasks))]


def shared_features(
    tasks: Sequence[FoldTask],
) -> list[tuple[np.ndarray, list[int]]]:
    """Find tasks that can share a batch: their features differ in missing calls only.

    Returns
    -------
    list of (ndarray, list of int)
        Genotypes with the missing calls filled by all rows, and the tasks' numbers.
    """
    groups: list[tuple[np.ndarray, list[int]]] = []
    for number, task in enumerate(tasks):
        genotypes = _fill_by_all_rows(task)
        for shared, members in groups:
            first = tasks[members[0]]
            if _same(shared, genotypes) and _same(first.loadings, task.loadings):
                members.append(number)
                break
        else:
            groups.append((genotypes, [number]))
    return groups


def _fill_by_all_rows(task: FoldTask) -> np.ndarray:
    """Genotypes in a form that all folds share, whichever are in the call.

    No more than a form: each fold's own values come back by its `Patch`.
    """
    if task.gaps is None:
        return task.genotypes
    empty = -1 if holds_calls(task.genotypes) else np.nan
    dosages = np.where(task.gaps, task.genotypes.dtype.type(empty), task.genotypes)
    return impute_by_training_rows(dosages, np.arange(len(dosages)))


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or np.array_equal(a, b)


def _fit_batch(
    tasks: Sequence[FoldTask],
    genotypes: np.ndarray,
    params: BayesParams,
    n_threads: int,
) -> list[FoldFit]:
    start = time.perf_counter()
    first = tasks[0]
    # All animals, so that the arithmetic is the same whichever folds share the call.
    rows = np.arange(len(first.sample_ids))
    design = build_design(genotypes, first.loadings, rows, joint=params.eta == "joint")
    patches = [find_patch(design, genotypes, task.genotypes) for task in tasks]
    targets = [
        _target(task, trait, params.n_chains, patch)
        for task, patch in zip(tasks, patches, strict=True)
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
    if params.route == "exact" and method == "brr":
        with threadpool_limits(n_threads, "blas"):
            posteriors = fit_exact_brr(design, targets, params.interval)
        return posteriors, {"kernel": "exact", "iterations": 0}
    kernel = choose_kernel()
    posteriors = sample(design, method, targets, params.settings(), n_threads, kernel)
    return posteriors, {"kernel": kernel.name, "iterations": params.n_iter}


def _target(task: FoldTask, trait: int, n_chains: int, patch: Patch | None) -> Target:
    """One trait of one fold; rows outside its training set stay NaN."""
    y = np.full(len(task.sample_ids), np.nan)
    y[task.train] = task.Y[task.train, trait]
    name = task.traits[trait]
    train = np.zeros(len(y), bool)
    train[task.scaling_rows] = True
    seeds = tuple(task.seed_for(name, chain) for chain in range(n_chains))
    return Target(y=y, train=train, seeds=seeds, patch=patch)


def _fold_fit(
    task: FoldTask, posteriors: Sequence[Posterior], facts: Mapping[str, object]
) -> FoldFit:
    parts = (task.genotypes[task.test], task.loadings[task.test])
    columns = {
        name: np.stack([getattr(posterior, name) for posterior in posteriors], axis=1)
        for name in ("effect", "sd", "lower", "upper", "pip")
    }
    if base_method(task.method) not in ("bayescpi", "bayesr"):
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
