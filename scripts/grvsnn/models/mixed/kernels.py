"""Genetic values from kernels, for gblup and the mixed model of grvsnn_plus.

    y = mu 1 + sum_k g_k + e,   g_k ~ N(0, s_k K_k),   e ~ N(0, s_e I)

The first kernel is G = X X' / sum 2p(1 - p) (VanRaden's first form, allele frequencies
of the training rows), or L L' without markers; all others are held as factors.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from grvsnn.base.errors import InputError
from grvsnn.models.mixed.reml import (
    Contrasts,
    RemlFit,
    contrast_eigenvectors,
    rotate_kernels,
)
from grvsnn.protocol.fold_task import FoldTask, column_moments, holds_calls

MARKERS, LOADINGS, PEDIGREE = "markers", "loadings", "pedigree"

# markers per pass; small enough that float32 sums of dosage products are exact
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Blup:
    """Best linear unbiased prediction of one trait.

    Attributes
    ----------
    mean : float
        Generalised least squares mean.
    genetic : ndarray, shape (n_samples,)
        Genetic value of every animal, up to the constant that `mean` absorbs.
    weights : ndarray, shape (n_samples,)
        P y, 0 for animals that were not observed.
    """

    mean: float
    genetic: np.ndarray
    weights: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Predicted phenotype of every animal, shape (n_samples,)."""
        return self.mean + self.genetic


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
    hard_calls = holds_calls(genotypes)
    out = np.zeros((n_samples, n_samples))
    for start in range(0, n_markers, _BLOCK):
        block = genotypes[:, start : start + _BLOCK]
        block = block.astype(np.float32 if hard_calls else np.float64)
        out += block @ block.T
    return out


def shared_products(tasks: Sequence[FoldTask]) -> list[np.ndarray]:
    """Cross-products of each task; folds that hold the same genotypes share theirs."""
    found: dict[int, np.ndarray] = {}
    for task in tasks:
        if id(task.genotypes) not in found:
            found[id(task.genotypes)] = marker_products(task.genotypes)
    return [found[id(task.genotypes)] for task in tasks]


def loadings_factor(task: FoldTask) -> dict[str, np.ndarray]:
    """Factor of the kernel of pedigree loadings, by its name; empty without any."""
    return {LOADINGS: task.loadings} if task.n_loadings else {}


def vanraden_scale(genotypes: np.ndarray, rows: np.ndarray) -> float:
    """Sum over markers of 2 p (1 - p), with allele frequencies p over `rows`."""
    frequency = genotypes[rows].mean(axis=0, dtype=np.float64) / 2.0
    return float(2.0 * (frequency * (1.0 - frequency)).sum())


def observation_patterns(task: FoldTask) -> Iterator[tuple[np.ndarray, list[int]]]:
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
                f" {len(rows)} training phenotypes; {task.method} needs at least 3"
            )
        yield rows, members


class Kernels:
    """The kernels of one fold: G where there are markers, F F' of every factor.

    Parameters
    ----------
    task : FoldTask
    products : ndarray, shape (n_samples, n_samples)
        `marker_products` of the task's genotypes.
    factors : mapping of str to ndarray, each of shape (n_samples, m)
        F of further kernels, by name; without markers the first of them leads.
    """

    def __init__(
        self, task: FoldTask, products: np.ndarray, factors: Mapping[str, np.ndarray]
    ) -> None:
        self.task = task
        self.products = products
        self.factors = dict(factors)
        self.names = ([MARKERS] if task.n_markers else []) + list(factors)
        if task.n_markers:
            # a fold without polymorphic markers keeps a kernel of zeros
            self.scale = vanraden_scale(task.genotypes, task.train) or 1.0
        if not self.names:
            raise InputError(
                f"{task.dataset}, setting {task.setting}: {task.method} has neither "
                "markers nor pedigree loadings to build a kernel from"
            )

    def with_factor(self, name: str, factor: np.ndarray) -> "Kernels":
        """Return these kernels and one more."""
        return Kernels(self.task, self.products, {**self.factors, name: factor})

    def leading(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvectors of the first kernel's contrasts: the costly part of `over`."""
        return contrast_eigenvectors(self.block(self.names[0], rows, rows))

    def over(
        self, rows: np.ndarray, leading: tuple[np.ndarray, np.ndarray] | None = None
    ) -> Contrasts:
        """Contrasts over some animals.

        G is left uncentred: REML's contrasts and the mean absorb any centring.
        """
        factors = [self.factors[name][rows] for name in self.names[1:]]
        return rotate_kernels(leading or self.leading(rows), factors)

    def blup(self, reml: RemlFit, rows: np.ndarray, y: np.ndarray) -> Blup:
        """Genetic values of all animals, g = sum_k s_k K_k[:, rows] P y, and mean."""
        return self._extend(reml.variances, rows, y, reml.projected)

    def blup_at(self, reml: RemlFit, rows: np.ndarray, y: np.ndarray) -> Blup:
        """Return the same for other rows than REML saw, at its variance components."""
        V = sum(
            variance * self.block(name, rows, rows)
            for name, variance in zip(self.names, reml.variances, strict=True)
        )
        V[np.diag_indices_from(V)] += reml.residual
        factor = cho_factor(V, overwrite_a=True, check_finite=False)
        solved = cho_solve(factor, np.column_stack([y, np.ones(len(y))]))
        mean = solved[:, 0].sum() / solved[:, 1].sum()
        projected = solved[:, 0] - mean * solved[:, 1]
        return self._extend(reml.variances, rows, y, projected)

    def standardised_effects(
        self, weights: np.ndarray, variances: np.ndarray
    ) -> np.ndarray:
        """Effects of one training standard deviation of each marker and loading.

        Marker effects are s_G X' P y / sum 2p(1 - p); those of loadings s_L L' P y.

        Parameters
        ----------
        weights : ndarray, shape (n_samples, T)
            P y of every trait.
        variances : ndarray, shape (n_kernels, T)

        Returns
        -------
        ndarray, shape (n_features, T)
            Loadings without a kernel of their own have none.
        """
        parts = [
            self.effects_of(name, weights) * variances[self.names.index(name)]
            for name in (MARKERS, LOADINGS)
            if name in self.names
        ]
        return sum(parts, start=np.zeros((self.task.n_features, weights.shape[1])))

    def effects_of(self, name: str, weights: np.ndarray) -> np.ndarray:
        """Effects of a kernel's own features for a variance of 1; others have none.

        Those of one training standard deviation of each feature: X' w / sum 2p(1 - p)
        of markers, L' w of loadings, 0 of kernels without features.

        Parameters
        ----------
        weights : ndarray, shape (n_samples, T)
            P y of every trait.

        Returns
        -------
        ndarray, shape (n_features, T)
        """
        task, W = self.task, weights[self.task.train]
        effects = np.zeros((task.n_features, W.shape[1]))
        if name == MARKERS:
            sd = column_moments(task.genotypes, task.train)[1]
            found = _transpose_times(task.genotypes, task.train, W) / self.scale
            effects[: task.n_markers] = found * sd[:, None]
        elif name == LOADINGS:
            sd = column_moments(task.loadings, task.train)[1]
            found = task.loadings[task.train].T @ W
            effects[task.n_markers :] = found * sd[:, None]
        return effects

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """One kernel between some animals and others."""
        if name == MARKERS:
            return self.products[np.ix_(rows, columns)] / self.scale
        return self.factors[name][rows] @ self.factors[name][columns].T

    def _extend(
        self, variances: np.ndarray, rows: np.ndarray, y: np.ndarray, projected
    ) -> Blup:
        genetic = np.zeros(len(self.task.Y))
        for name, variance in zip(self.names, variances, strict=True):
            if name == MARKERS:
                value = self.products[:, rows] @ projected / self.scale
            else:
                factor = self.factors[name]
                value = factor @ (factor[rows].T @ projected)
            genetic += variance * value
        weights = np.zeros(len(self.task.Y))
        weights[rows] = projected
        # y - g - s_e P y is the generalised least squares mean, and P y sums to 0
        return Blup(float(np.mean(y - genetic[rows])), genetic, weights)


def _transpose_times(
    genotypes: np.ndarray, rows: np.ndarray, W: np.ndarray
) -> np.ndarray:
    """X[rows]' W, a block of markers at a time."""
    out = np.empty((genotypes.shape[1], W.shape[1]))
    for start in range(0, genotypes.shape[1], _BLOCK):
        block = genotypes[rows, start : start + _BLOCK].astype(np.float64)
        out[start : start + _BLOCK] = block.T @ W
    return out
