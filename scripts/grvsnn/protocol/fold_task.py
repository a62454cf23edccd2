"""What a method sees (`FoldTask`) and what it must return (`FoldFit`).

A method is a function ``fit(tasks, params, n_threads) -> list[FoldFit]`` over the
outer folds of one repeat. It never sees a test phenotype: ``FoldTask.Y`` is NaN there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grvsnn.base.names import base_method
from grvsnn.base.seeds import derive_seed

CONSTANT = 1e-9
"""Spread, relative to a column's largest value, that is no more than rounding."""
UNSEEN = 0.1
"""Spread over training rows, relative to that over all rows, below which a column has
not been seen: scaled to one, it would blow up the other rows' values."""


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One outer fold as a method sees it.

    Parameters
    ----------
    dataset, setting, method : str
        The job's wildcards; a method's variant is named ``<method>-<name>``.
    repeat, fold : int
        Repeat (from 1) and outer fold (from 1).
    seed : int
        The config's seed; derive every stream from it with `seed_for`.
    traits : tuple of str
        Names of the T traits.
    sample_ids : ndarray of str, shape (n_samples,)
        All animals of the dataset, in the order of every array's rows.
    Y : ndarray of float64, shape (n_samples, T)
        Traits, adjusted and standardised by the training rows (mean 0, 1/n-variance 1);
        NaN in test rows and where a training phenotype is missing.
    genotypes : ndarray of int8 or float32, shape (n_samples, n_markers)
        Dosages 0, 1, 2, without gaps: missing calls take the rounded mean of
        `scaling_rows`. float32 with fractions where the dataset says ``dosage:
        fractional``, gaps filled by the mean itself. Zero columns in setting
        ``pedigree``.
    gaps : ndarray of bool, shape (n_samples, n_markers), or None
        Calls that are missing; None where all are there. The same for all folds.
    loadings : ndarray of float64, shape (n_samples, n_loadings)
        Pedigree loadings L = Q sqrt(Lambda), unstandardised; zero columns in setting
        ``markers``.
    feature_names : ndarray of str, shape (n_markers + n_loadings,)
        Markers first, then loadings.
    train, test : ndarray of int, shapes (n_train,), (n_test,)
        Row numbers.
    inner_splits : tuple of (ndarray, ndarray)
        (fit rows, validation rows) pairs for tuning and early stopping; all of them
        training rows under the nested protocol.
    environment : mapping of str to ndarray of int, each of shape (n_samples,)
        Class of every animal in each common environment (pen, cage, litter), -1 where
        it is not known; empty for methods that do not read it.
    relationship : ndarray of float64, shape (n_samples, n_samples), or None
        Numerator relationships A, for methods that read them in place of loadings.
    scaled_by_all : bool
        Whether features are imputed and standardised by all animals, as in the paper's
        released code, and not by the training rows.
    """

    dataset: str
    setting: str
    method: str
    repeat: int
    fold: int
    seed: int
    traits: tuple[str, ...]
    sample_ids: np.ndarray
    Y: np.ndarray
    genotypes: np.ndarray
    loadings: np.ndarray
    feature_names: np.ndarray
    train: np.ndarray
    test: np.ndarray
    inner_splits: tuple[tuple[np.ndarray, np.ndarray], ...]
    gaps: np.ndarray | None = None
    environment: Mapping[str, np.ndarray] = field(default_factory=dict)
    relationship: np.ndarray | None = None
    scaled_by_all: bool = False

    @property
    def scaling_rows(self) -> np.ndarray:
        """Rows whose moments impute and standardise the features."""
        return np.arange(len(self.sample_ids)) if self.scaled_by_all else self.train

    @property
    def n_markers(self) -> int:
        """Number of markers."""
        return self.genotypes.shape[1]

    @property
    def is_fractional(self) -> bool:
        """Whether the dosages are fractional, so that no table of three holds them."""
        return not holds_calls(self.genotypes)

    @property
    def n_loadings(self) -> int:
        """Number of pedigree loadings."""
        return self.loadings.shape[1]

    @property
    def n_features(self) -> int:
        """Markers and loadings together."""
        return self.n_markers + self.n_loadings

    def seed_for(self, *purpose: object) -> int:
        """Seed for a named purpose (e.g. a trait) within this fold and method.

        A variant of a method draws what the method draws, so that they stay paired.
        """
        return derive_seed(
            self.seed,
            self.dataset,
            self.setting,
            base_method(self.method),
            self.repeat,
            self.fold,
            *purpose,
        )


@dataclass(frozen=True, eq=False)
class FoldFit:
    """What a method returns for one outer fold.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n_test, T)
        Predictions for ``task.test``, in the units of ``task.Y``.
    importance : ndarray of float64, shape (n_features, T)
        Non-negative, each trait's largest is 1 (all zero for methods without one).
    selected : ndarray of bool, shape (n_features, T)
        The method's own rule for "selected".
    info : mapping
        JSON-able facts: hyper-parameters, epochs or iterations, seconds, inner score,
        backend and versions, convergence diagnostics.
    feature_columns : mapping of str to ndarray, each of shape (n_features, T)
        More columns of features.parquet, e.g. effect, pip, lower, upper.
    intervals : ndarray of float64, shape (n_test, T, 2), optional
        Lower and upper bound of each test phenotype at
        `grvsnn.protocol.conformal.COVERAGE`, in the units of ``task.Y``; None for
        methods without.
    """

    predicted: np.ndarray
    importance: np.ndarray
    selected: np.ndarray
    info: Mapping[str, object]
    feature_columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    intervals: np.ndarray | None = None


FitFunction = Callable[[Sequence[FoldTask], Mapping, int], list[FoldFit]]


def normalise_importance(raw: np.ndarray) -> np.ndarray:
    """Divide each trait's column by its largest value; an all-zero column stays."""
    raw = np.abs(np.asarray(raw, dtype=float))
    top = raw.max(axis=0, initial=0.0)
    return raw / np.where(top > 0, top, 1.0)


def holds_calls(dosages: np.ndarray) -> bool:
    """Whether dosages are hard calls, held as integers, and not fractional."""
    return np.issubdtype(dosages.dtype, np.integer)


def column_moments(X: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and 1/n standard deviation of each column over the given rows.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_columns)
        int8 dosages or float features.
    rows : ndarray of int
        The (training) rows that moments come from; all rows take part in the judgement
        of what is constant.

    Returns
    -------
    mean, sd : ndarray of float64, shape (n_columns,)
        ``sd`` is exactly 0 for a column that is constant over `rows` up to rounding,
        judged by the column's largest value in any row, and for one that is nearly so,
        judged by its spread over all rows (`UNSEEN`): a family without training animals
        has a loading of rounding errors there, or of its distant relatives' traces,
        and neither may be blown up.
    """
    part = X[rows]
    mean = part.mean(axis=0, dtype=np.float64)
    # blocks keep the float copy small
    sd = np.empty(X.shape[1])
    for start in range(0, X.shape[1], 4096):
        block = slice(start, start + 4096)
        sd[block] = part[:, block].astype(np.float64).std(axis=0)
        whole = X[:, block].astype(np.float64)
        least = np.maximum(
            CONSTANT * np.abs(whole).max(axis=0, initial=0.0),
            UNSEEN * whole.std(axis=0) if len(whole) else 0.0,
        )
        sd[block][sd[block] <= least] = 0.0
    return mean, sd


def reciprocal(sd: np.ndarray) -> np.ndarray:
    """1 / sd, 0 where sd is 0: a constant column standardises to 0."""
    return np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)


def standardise(
    X: np.ndarray, rows: np.ndarray, dtype: type = np.float64
) -> np.ndarray:
    """Columns centred and scaled by the moments over `rows`; constant ones become 0."""
    mean, sd = column_moments(X, rows)
    inverse = reciprocal(sd)
    out = X.astype(dtype)
    out -= mean.astype(dtype)
    out *= inverse.astype(dtype)
    return out
