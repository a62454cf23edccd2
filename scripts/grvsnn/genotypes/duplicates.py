"""Pairs of animals, and pairs of markers, with the same genotypes."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SCREENED = 2000  # markers of the first look at all pairs
SLACK = 6  # its standard errors below the limit, so that no pair is missed
ROWS = 1024  # animals of one block of the first look
PAIRS = 64  # pairs compared at a time over all markers


def concordance(
    dosages: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Share of identical calls among the markers called in both animals of a pair.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Negative = missing.
    first, second : ndarray of int, shape (n_pairs,)
        Row numbers.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)
        0 for a pair without a marker in common.
    """
    shares = np.zeros(len(first))
    for start in range(0, len(first), PAIRS):
        part = slice(start, start + PAIRS)
        a, b = dosages[first[part]], dosages[second[part]]
        both = (a >= 0) & (b >= 0)
        shares[part] = _rate((both & (a == b)).sum(axis=1), both.sum(axis=1))
    return shares


def find_twins(
    dosages: np.ndarray, limit: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Pairs of animals that are identical, or nearly so.

    All pairs are compared over at most 2,000 random markers; those within six standard
    errors of the limit are compared over all markers. Memory does not grow with the
    number of pairs.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Negative = missing; without monomorphic markers, which raise every concordance.
    limit : float
        Smallest concordance of a pair that is returned.
    rng : Generator
        Chooses the markers of the first look.

    Returns
    -------
    pairs : DataFrame
        first, second (row numbers, first < second) and concordance, by row number.
    nearest : ndarray of float64, shape (n_samples,)
        Each animal's largest concordance with another, over the first look's markers.
    """
    n_samples, n_markers = dosages.shape
    n_screened = min(n_markers, SCREENED)
    columns = np.sort(rng.choice(n_markers, n_screened, replace=False))
    sample = dosages[:, columns]
    slack = SLACK * np.sqrt(limit * (1 - limit) / max(n_screened, 1))
    nearest, found = np.zeros(n_samples), [np.zeros((0, 2), int)]
    for rows, others, shares in _screen(sample):
        nearest[rows] = np.maximum(nearest[rows], shares.max(axis=1))
        nearest[others] = np.maximum(nearest[others], shares.max(axis=0))
        i, j = np.nonzero(shares >= limit - slack)
        found.append(np.column_stack([rows[i], others[j]]))
    pairs = np.concatenate(found)
    # a block of the diagonal holds each of its pairs twice
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    table = pd.DataFrame(pairs, columns=["first", "second"])
    table["concordance"] = concordance(dosages, *pairs.T)
    table = table[table["concordance"] >= limit]
    return table.sort_values(["first", "second"], ignore_index=True), nearest


def _screen(sample: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Concordances of all pairs, block by block; an animal with itself has 0."""
    blocks = np.array_split(np.arange(len(sample)), -(-len(sample) // ROWS) or 1)
    for number, rows in enumerate(blocks):
        calls, called = _indicators(sample[rows])
        for others in blocks[number:]:
            other_calls, other_called = _indicators(sample[others])
            shares = _rate(calls @ other_calls.T, called @ other_called.T)
            shares[rows[:, None] == others] = 0
            yield rows, others, shares


def _indicators(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether a call is 0, 1 or 2, side by side, and whether it is there, as floats."""
    calls = np.concatenate([block == copies for copies in range(3)], axis=1)
    return calls.astype(np.float32), (block >= 0).astype(np.float32)


def _rate(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def group_twins(pairs: pd.DataFrame, n_samples: int) -> np.ndarray:
    """Give every animal the number of its group of twins, shape (n_samples,)."""
    links = (pairs["first"].to_numpy(), pairs["second"].to_numpy())
    graph = coo_array((np.ones(len(pairs)), links), (n_samples, n_samples))
    return connected_components(graph, directed=False)[1]


def find_twin_markers(dosages: np.ndarray) -> pd.DataFrame:
    """Markers with the calls and the gaps of an earlier one, allele by allele.

    A marker whose alleles are counted the other way round (0 where the other has 2)
    is one too. Markers of one allele are no twins of each other.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Negative = missing.

    Returns
    -------
    DataFrame
        marker, twin (column numbers; the twin is the first of its kind) and mirrored.
    """
    first: dict[bytes, tuple[int, bool]] = {}
    rows = []
    for number in range(dosages.shape[1]):
        column = np.ascontiguousarray(dosages[:, number])
        homozygous = column[(column == 0) | (column == 2)]
        if (column != 1).all() and len(np.unique(homozygous)) < 2:
            continue
        mirrored = len(homozygous) > 0 and homozygous[0] == 2
        if mirrored:
            column = np.where(column < 0, column, 2 - column).astype(np.int8)
        digest = hashlib.blake2b(column, digest_size=16).digest()
        twin, way = first.setdefault(digest, (number, mirrored))
        if twin != number:
            rows.append((number, twin, bool(mirrored != way)))
    return pd.DataFrame(rows, columns=["marker", "twin", "mirrored"])
