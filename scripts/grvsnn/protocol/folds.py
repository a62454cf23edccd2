"""Outer and inner cross-validation folds, a pure function of data, seed and repeat.

The table that `make_folds` returns has one row per repeat, fold and animal:

========== ================================================================
repeat     from 1
fold       outer fold, from 1
sample_id  animal
role       ``train`` or ``test`` in this outer fold
inner_fold the one inner split (from 1) that validates on this training
           animal; 0 for test animals and for training animals that every
           inner split fits on
========== ================================================================

`fold_rows` turns one fold of the table into row numbers.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.cluster.vq import kmeans2

from grvsnn.base.errors import InputError
from grvsnn.base.seeds import derive_rng

SCHEMES = ("stratified", "random", "family", "group", "cluster", "forward")
NEEDS = {
    "family": "groups",
    "group": "groups",
    "cluster": "coordinates",
    "forward": "born",
}
"""What a scheme needs beside phenotypes, a keyword of `make_folds`."""
COLUMNS = ("repeat", "fold", "sample_id", "role", "inner_fold")
CLUSTERS_PER_FOLD = 4
"""Clusters of scheme ``cluster`` per outer fold: whole ones are assigned to folds."""
CANDIDATE_DEALS = 20
"""Random assignments tried for a run of similar animals; the most balanced is kept."""


def make_folds(
    Y: pd.DataFrame,
    scheme: str,
    n_repeats: int,
    n_folds: int,
    n_inner_folds: int,
    seed: int,
    dataset: str,
    *,
    groups: pd.Series | np.ndarray | None = None,
    coordinates: pd.DataFrame | np.ndarray | None = None,
    born: pd.Series | np.ndarray | None = None,
) -> pd.DataFrame:
    """Assign the animals with at least one observed trait to folds.

    Repeat r depends on the data, `seed`, `dataset` and r alone: not on `n_repeats`, not
    on the order of the rows.

    Parameters
    ----------
    Y : DataFrame, shape (n_samples, n_traits)
        Phenotypes, NaN where missing; the index (or a column ``sample_id``) names the
        animals.
    scheme : {"stratified", "random", "family", "group", "cluster", "forward"}
        ``stratified`` gives every fold the same distribution of all traits at once (see
        `stratify`). ``random`` ignores the values. ``family`` and ``group`` keep each
        of `groups` in one fold: full-sib families, or classes of a common environment.
        ``cluster`` does so with k-means clusters of `coordinates`.
        ``forward`` cuts the animals by `born` into ``n_folds + 1`` successive blocks of
        about equal size; fold k tests block k + 1 and trains on everything older. It
        has no randomness, so it takes one repeat only.
    n_repeats, n_folds : int
        Repeats (from 1) and outer folds (at least 2; ``forward``: at least 1).
    n_inner_folds : int
        Inner folds of each outer fold's training animals, made by the same scheme
        (at least 2). ``forward`` has one inner split, which validates on the youngest
        ``1 / n_inner_folds`` of the training animals. 0 makes none.
    seed : int
        The config's seed.
    dataset : str
        Name of the dataset; part of the seed.
    groups : Series or array, shape (n_samples,), optional
        Labels for ``family`` and ``group``; an animal without one is its own group.
    coordinates : DataFrame or array, shape (n_samples, n_axes), optional
        Markers' principal components for ``cluster``.
    born : Series or array, shape (n_samples,), optional
        Birth date or generation as a number, larger for younger, for ``forward``.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, sorted by repeat, fold and sample_id. Animals without any
        observed trait are left out; so are, in each fold of ``forward``, the animals
        younger than its test block.

    Raises
    ------
    InputError
        Fewer animals, families or birth dates than the folds need, missing labels,
        repeated sample ids, or an impossible setting.
    """
    Y = _by_sample(Y)
    _check_settings(scheme, n_repeats, n_folds, n_inner_folds)
    given = {"groups": groups, "coordinates": coordinates, "born": born}
    extra = _align(given.get(NEEDS.get(scheme)), Y, scheme)
    observed = Y.notna().any(axis=1)
    order = np.argsort(Y.index[observed].to_numpy(dtype=object), kind="stable")
    rows = np.flatnonzero(observed)[order]
    ids = Y.index.to_numpy(dtype=object)[rows]
    values = Y.to_numpy(dtype=float)[rows]
    extra = None if extra is None else extra[rows]
    dealer = _Dealer(scheme, values, extra)
    tables = []
    for repeat in range(1, n_repeats + 1):
        keys = (seed, "folds", dataset, scheme, repeat)
        splits = dealer.outer(n_folds, keys)
        for fold, (train, test) in enumerate(splits, start=1):
            inner = np.zeros(len(ids), dtype=np.int16)
            if n_inner_folds:
                inner[train] = dealer.inner(train, n_inner_folds, (*keys, fold))
            tables.append(_fold_table(repeat, fold, ids, train, test, inner))
    return pd.concat(tables, ignore_index=True)


def fold_rows(
    folds: pd.DataFrame, repeat: int, fold: int, sample_ids: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, tuple[tuple[np.ndarray, np.ndarray], ...]]:
    """Row numbers of one outer fold in the order of `sample_ids`.

    Parameters
    ----------
    folds : DataFrame
        From `make_folds`.
    repeat, fold : int
        Which one.
    sample_ids : sequence of str
        Animals in the order of the data's rows.

    Returns
    -------
    train, test : ndarray of int
        Ascending row numbers.
    inner_splits : tuple of (ndarray, ndarray)
        (fit rows, validation rows) of each inner split.
    """
    part = folds[(folds["repeat"] == repeat) & (folds["fold"] == fold)]
    if part.empty:
        raise InputError(f"the folds table has no repeat {repeat}, fold {fold}")
    rows = pd.Index(sample_ids).get_indexer(part["sample_id"])
    if (rows < 0).any():
        absent = part["sample_id"].to_numpy()[rows < 0][0]
        raise InputError(f"animal {absent!r} of the folds table is not in the data")
    is_test = (part["role"] == "test").to_numpy()
    inner = part["inner_fold"].to_numpy()
    train, test = np.sort(rows[~is_test]), np.sort(rows[is_test])
    splits = []
    for number in np.unique(inner[inner > 0]):
        validation = np.sort(rows[inner == number])
        splits.append((np.setdiff1d(train, validation), validation))
    return train, test, tuple(splits)


class _Dealer:
    """One scheme over the participating animals (rows sorted by sample id)."""

    def __init__(
        self, scheme: str, values: np.ndarray, extra: np.ndarray | None
    ) -> None:
        self.scheme = scheme
        self.values = values
        self.extra = extra

    def outer(self, n_folds: int, keys: tuple) -> list[tuple[np.ndarray, np.ndarray]]:
        """(train, test) rows of every outer fold."""
        everyone = np.arange(len(self.values))
        if self.scheme == "forward":
            block = forward_blocks(self.extra, n_folds + 1)
            return [
                (np.flatnonzero(block < k), np.flatnonzero(block == k))
                for k in range(1, n_folds + 1)
            ]
        label = self._deal(everyone, n_folds, derive_rng(*keys))
        return [
            (np.flatnonzero(label != k), np.flatnonzero(label == k))
            for k in range(1, n_folds + 1)
        ]

    def inner(self, train: np.ndarray, n_folds: int, keys: tuple) -> np.ndarray:
        """Inner fold of each training row."""
        if self.scheme == "forward" and len(np.unique(self.extra[train])) > 1:
            return _youngest(self.extra[train], n_folds)
        if self.scheme == "forward":
            # one generation has no order in time: a part of it validates
            label = stratify(self.values[train], n_folds, derive_rng(*keys, "inner"))
            return (label == 1).astype(np.int16)
        return self._deal(train, n_folds, derive_rng(*keys, "inner"))

    def _deal(
        self, rows: np.ndarray, n_folds: int, rng: np.random.Generator
    ) -> np.ndarray:
        if len(rows) < n_folds:
            raise InputError(
                f"{len(rows)} animals with a phenotype cannot fill {n_folds} folds; "
                "lower folds.folds or folds.inner_folds, or add animals"
            )
        if self.scheme == "stratified":
            return stratify(self.values[rows], n_folds, rng)
        if self.scheme == "random":
            return rng.permutation(np.arange(len(rows)) % n_folds + 1)
        if NEEDS[self.scheme] == "groups":
            return deal_groups(self.extra[rows], n_folds, rng)
        n_clusters = min(CLUSTERS_PER_FOLD * n_folds, len(rows))
        return deal_groups(
            cluster_animals(self.extra[rows], n_clusters, rng), n_folds, rng
        )


def stratify(values: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Assign animals to folds with similar distributions of several traits at once.

    The animals are put in cells of similar ones, as a k-d tree does: each cell is
    halved at the median of the trait that varies most within it, until it holds fewer
    than ``2 n_folds``. Cell after cell, in random order within a cell, every run of
    `n_folds` animals goes to the folds, one each: of `CANDIDATE_DEALS` random ways the
    one that best evens out the folds' running sums of every trait, of its square and
    of its missing records. A missing value counts as the trait's mean. Fold sizes
    differ by at most one.

    Parameters
    ----------
    values : ndarray of float64, shape (n_samples, n_traits)
        NaN where missing.
    n_folds : int
        Number of folds.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Fold of each animal, from 1.
    """
    is_missing = np.isnan(values)
    traits = _unit_columns(np.ma.array(values, mask=is_missing))
    cells = _halve(np.arange(len(values)), traits, 2 * n_folds)
    order = np.concatenate([rng.permutation(cell) for cell in cells])
    balanced = [traits, _unit_columns(traits**2), _unit_columns(is_missing)]
    return _deal_evenly(order, np.hstack(balanced), n_folds, rng)


def _unit_columns(columns: np.ma.MaskedArray | np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1; masked entries and constant columns are 0."""
    columns = np.ma.asarray(columns, dtype=float)
    centred = columns - columns.mean(axis=0)
    sd = np.ma.filled(centred.std(axis=0), 0.0)
    return np.ma.filled(centred, 0.0) / np.where(sd > 0, sd, 1.0)


def _halve(rows: np.ndarray, traits: np.ndarray, limit: int) -> list[np.ndarray]:
    """Cells of a k-d tree, neighbours next to each other."""
    if len(rows) < limit or not traits.shape[1]:
        return [rows]
    part = traits[rows]
    widest = int(np.argmax(part.std(axis=0)))
    order = rows[np.argsort(part[:, widest], kind="stable")]
    middle = len(rows) // 2
    return [
        *_halve(order[:middle], traits, limit),
        *_halve(order[middle:], traits, limit),
    ]


def _deal_evenly(
    order: np.ndarray, features: np.ndarray, n_folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Give each run of `n_folds` animals one fold each, evening out the sums."""
    label = np.empty(len(order), dtype=np.int16)
    sums = np.zeros((n_folds, features.shape[1]))
    every_fold = np.tile(np.arange(n_folds), (CANDIDATE_DEALS, 1))
    for start in range(0, len(order), n_folds):
        run = order[start : start + n_folds]
        deals = rng.permuted(every_fold, axis=1)[:, : len(run)]
        # squared length of sums + features, without the part all deals share
        gain = features[run] @ sums.T
        cost = gain[np.arange(len(run)), deals].sum(axis=1)
        best = deals[int(np.argmin(cost))]
        sums[best] += features[run]
        label[run] = best + 1
    return label


def deal_groups(
    groups: np.ndarray, n_folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Assign whole groups, in random order, each to the smallest fold so far.

    Parameters
    ----------
    groups : ndarray, shape (n_samples,)
        Group label of each animal.
    n_folds : int
        Number of folds; at most the number of groups.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Fold of each animal, from 1; sizes differ by at most the largest group.
    """
    codes, labels = pd.factorize(groups, sort=True)
    if len(labels) < n_folds:
        raise InputError(
            f"{len(labels)} families, groups or clusters cannot fill {n_folds} folds; "
            "lower folds.folds or folds.inner_folds, or choose another scheme"
        )
    sizes = np.bincount(codes)
    total = np.zeros(n_folds)
    n_groups = np.zeros(n_folds)
    fold_of = np.empty(len(labels), dtype=np.int16)
    for group in rng.permutation(len(labels)):
        # the random last key breaks ties; no fold stays empty
        best = np.lexsort((rng.random(n_folds), n_groups, total))[0]
        fold_of[group] = best + 1
        total[best] += sizes[group]
        n_groups[best] += 1
    return fold_of[codes]


def cluster_animals(
    coordinates: np.ndarray, n_clusters: int, rng: np.random.Generator
) -> np.ndarray:
    """k-means clusters (k-means++ start) of the rows, shape (n_samples,)."""
    _, label = kmeans2(
        coordinates, n_clusters, iter=50, minit="++", missing="warn", rng=rng
    )
    return label


def forward_blocks(born: np.ndarray, n_blocks: int) -> np.ndarray:
    """Cut animals by birth into successive blocks of about equal size.

    Animals born together stay together, so a block's animals are strictly older than
    the next one's.

    Parameters
    ----------
    born : ndarray of float64, shape (n_samples,)
        Birth date or generation, larger for younger.
    n_blocks : int
        Number of blocks; at most the number of distinct values.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Block of each animal, from 0 (the oldest).
    """
    dates, code, counts = np.unique(born, return_inverse=True, return_counts=True)
    if len(dates) < n_blocks:
        raise InputError(
            f"{len(dates)} distinct birth dates or generations allow at most "
            f"{len(dates) - 1} forward folds, asked for {n_blocks - 1}"
        )
    cumulative = np.cumsum(counts)
    first = np.zeros(n_blocks, dtype=int)
    for k in range(1, n_blocks):
        # block k starts at the date nearest to its share that leaves one per block
        wanted = len(born) * k / n_blocks
        low, high = first[k - 1] + 1, len(dates) - (n_blocks - k)
        candidates = np.arange(low, high + 1)
        first[k] = low + int(np.argmin(np.abs(cumulative[candidates - 1] - wanted)))
    return np.searchsorted(first, np.arange(len(dates)), side="right")[code] - 1


def _youngest(born: np.ndarray, n_folds: int) -> np.ndarray:
    """1 for about the youngest ``1 / n_folds`` of the training animals, else 0."""
    _, code, counts = np.unique(born, return_inverse=True, return_counts=True)
    older = np.cumsum(counts)[:-1]
    cut = int(np.argmin(np.abs(older - len(born) * (1 - 1 / n_folds))))
    return (code > cut).astype(np.int16)


def _fold_table(
    repeat: int,
    fold: int,
    ids: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    inner: np.ndarray,
) -> pd.DataFrame:
    rows = np.sort(np.concatenate([train, test]))
    is_test = np.isin(rows, test)
    return pd.DataFrame(
        {
            "repeat": np.int32(repeat),
            "fold": np.int32(fold),
            "sample_id": ids[rows],
            "role": np.where(is_test, "test", "train"),
            "inner_fold": inner[rows],
        }
    )


def _by_sample(Y: pd.DataFrame) -> pd.DataFrame:
    if "sample_id" in Y.columns:
        Y = Y.set_index("sample_id")
    Y = Y.set_axis(Y.index.astype(str), axis=0)
    if Y.index.has_duplicates:
        repeated = Y.index[Y.index.duplicated()][0]
        raise InputError(f"sample id {repeated!r} has more than one row of phenotypes")
    return Y


def _check_settings(
    scheme: str, n_repeats: int, n_folds: int, n_inner_folds: int
) -> None:
    if scheme not in SCHEMES:
        raise InputError(
            f"unknown fold scheme {scheme!r}; choose one of {', '.join(SCHEMES)}"
        )
    least = 1 if scheme == "forward" else 2
    if n_folds < least:
        raise InputError(f"scheme {scheme!r} needs n_folds >= {least}, got {n_folds}")
    if n_repeats < 1:
        raise InputError(f"n_repeats must be at least 1, got {n_repeats}")
    if scheme == "forward" and n_repeats > 1:
        raise InputError(
            f"scheme 'forward' has no randomness, so {n_repeats} repeats would be one "
            "counted several times; set n_repeats: 1"
        )
    if n_inner_folds < 0 or n_inner_folds == 1:
        raise InputError(f"n_inner_folds must be 0 or at least 2, got {n_inner_folds}")


def _align(
    extra: pd.DataFrame | pd.Series | np.ndarray | None, Y: pd.DataFrame, scheme: str
) -> np.ndarray | None:
    """Labels, coordinates or birth dates in the order of Y's rows."""
    if scheme not in NEEDS:
        return None
    name = NEEDS[scheme]
    if extra is None:
        raise InputError(f"scheme {scheme!r} needs {name}, which the dataset lacks")
    if isinstance(extra, (pd.Series, pd.DataFrame)):
        extra = extra.set_axis(extra.index.astype(str), axis=0).reindex(Y.index)
    extra = np.asarray(extra)
    if len(extra) != len(Y):
        raise InputError(f"{name} has {len(extra)} rows for {len(Y)} phenotyped rows")
    if name == "groups":
        labels = np.where(pd.isna(extra), "", extra.astype(object)).astype(object)
        own = np.array([f"animal {sample}" for sample in Y.index], dtype=object)
        return np.where(labels == "", own, labels).astype(str)
    extra = extra.astype(float)
    if np.isnan(extra).any():
        row = int(np.argwhere(np.isnan(extra))[0][0])
        raise InputError(f"{name} of animal {Y.index[row]!r} is missing")
    return extra
