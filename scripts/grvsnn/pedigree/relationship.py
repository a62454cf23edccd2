"""The numerator relationship matrix A of a pedigree, dense or as an operator.

With T the unit lower-triangular matrix that traces gene flow and D the diagonal of
Mendelian sampling variances, A = T D T' (Henderson 1976), and the inverse of T has one
row per animal: 1 for itself, -1/2 for each known parent. A v thus takes two sweeps of
the pedigree, from the youngest animal to the oldest and back, and A is never built.
"""

import numba
import numpy as np
from scipy.sparse.linalg import LinearOperator

from grvsnn.pedigree.pedigree import Pedigree

COLUMNS = 32
"""Columns of a block of A made at once; 256 MB for a million animals."""


def inbreeding_coefficients(pedigree: Pedigree) -> np.ndarray:
    """Inbreeding coefficient F of every animal, shape (n_animals,).

    F of an animal is half the relationship of its parents. Each parent of the rarer sex
    gives, by two sweeps over the parents alone, its relationships with all its mates at
    once (the indirect method of Colleau 2002 and Sargolzaei et al. 2005): older parents
    first, so that the Mendelian variances a sweep needs are known when it needs them.
    """
    parents = np.flatnonzero(pedigree.is_parent)
    position = np.full(len(pedigree) + 1, -1)
    position[parents] = np.arange(len(parents))
    sire, dam = position[pedigree.sire], position[pedigree.dam]
    if len(np.unique(sire)) > len(np.unique(dam)):
        sire, dam = dam, sire
    both = np.flatnonzero((sire >= 0) & (dam >= 0))
    order = both[np.lexsort((dam[both], sire[both]))]
    return _inbreeding(sire, dam, parents, order)


@numba.njit(cache=True)
def _inbreeding(
    sire: np.ndarray, dam: np.ndarray, parents: np.ndarray, order: np.ndarray
) -> np.ndarray:
    inbreeding = np.zeros(len(sire))
    up = np.zeros(len(parents))
    down = np.zeros(len(parents))
    start = 0
    while start < len(order):
        focal = sire[order[start]]
        stop = start
        while stop < len(order) and sire[order[stop]] == focal:
            stop += 1
        oldest = _trace_ancestors(focal, sire, dam, parents, inbreeding, up)
        last = dam[order[stop - 1]]
        for i in range(oldest, last + 1):
            s, d = sire[parents[i]], dam[parents[i]]
            value = up[i] if i <= focal else 0.0
            value += 0.5 * down[s] if s >= oldest else 0.0
            value += 0.5 * down[d] if d >= oldest else 0.0
            down[i] = value
        for k in range(start, stop):
            mate = dam[order[k]]
            inbreeding[order[k]] = 0.5 * down[mate] if mate >= oldest else 0.0
        start = stop
    return inbreeding


@numba.njit(cache=True)
def _trace_ancestors(
    focal: int,
    sire: np.ndarray,
    dam: np.ndarray,
    parents: np.ndarray,
    inbreeding: np.ndarray,
    up: np.ndarray,
) -> int:
    """Fill `up` with D T' e_focal and return the oldest ancestor's position."""
    up[: focal + 1] = 0.0
    up[focal] = 1.0
    oldest = focal
    for i in range(focal, -1, -1):
        if up[i] == 0.0:
            continue
        oldest = i
        s, d = sire[parents[i]], dam[parents[i]]
        variance = 1.0
        if s >= 0:
            up[s] += 0.5 * up[i]
            variance -= 0.25 * (1.0 + inbreeding[parents[s]])
        if d >= 0:
            up[d] += 0.5 * up[i]
            variance -= 0.25 * (1.0 + inbreeding[parents[d]])
        up[i] *= variance
    return oldest


def mendelian_variances(pedigree: Pedigree, inbreeding: np.ndarray) -> np.ndarray:
    """Diagonal of D: 1 less a quarter of (1 + F) of each known parent."""
    # the last entry answers for an unknown parent
    quarter = np.append(0.25 * (1.0 + inbreeding), 0.0)
    return 1.0 - quarter[pedigree.sire] - quarter[pedigree.dam]


def relationship_matrix(pedigree: Pedigree) -> np.ndarray:
    """Dense A by the tabular method, one generation at a time.

    Parameters
    ----------
    pedigree : Pedigree
        n animals; needs 8 n^2 bytes.

    Returns
    -------
    ndarray of float64, shape (n_animals, n_animals)
        Rows in the order of ``pedigree.ids``. Exact to the last bit while every entry
        is a multiple of 2^-52 (about 25 generations).
    """
    n = len(pedigree)
    # an extra zero row answers for an unknown parent
    A = np.zeros((n + 1, n))
    for start, stop in pedigree.generations():
        sire, dam = pedigree.sire[start:stop], pedigree.dam[start:stop]
        older = 0.5 * (A[sire, :start] + A[dam, :start])
        A[start:stop, :start] = older
        A[:start, start:stop] = older.T
        block = 0.5 * (A[sire, start:stop] + A[dam, start:stop])
        block = 0.5 * (block + block.T)
        known = (sire >= 0) & (dam >= 0)
        np.fill_diagonal(block, 1.0 + 0.5 * np.where(known, A[sire, dam], 0.0))
        A[start:stop, start:stop] = block
    return A[:-1]


class RelationshipOperator(LinearOperator):
    """A as a linear operator: products cost O(n_animals) and A is never built.

    Parameters
    ----------
    pedigree : Pedigree
        n animals.

    Attributes
    ----------
    inbreeding : ndarray of float64, shape (n_animals,)
        Inbreeding coefficients F; the diagonal of A is 1 + F.
    mendelian : ndarray of float64, shape (n_animals,)
        Mendelian sampling variances, the diagonal of D.
    """

    def __init__(self, pedigree: Pedigree) -> None:
        super().__init__(np.float64, (len(pedigree), len(pedigree)))
        self.inbreeding = inbreeding_coefficients(pedigree)
        self.mendelian = mendelian_variances(pedigree, self.inbreeding)
        self._sire = pedigree.sire
        self._dam = pedigree.dam

    def _matmat(self, V: np.ndarray) -> np.ndarray:
        """Multiply a block of vectors, shape (n_animals, n_vectors), by A."""
        X = np.array(V, dtype=np.float64, order="C")
        _sweep(self._sire, self._dam, self.mendelian, X)
        return X

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        return self._matmat(v.reshape(-1, 1)).ravel()

    def _adjoint(self) -> "RelationshipOperator":
        return self


class BlockOperator(LinearOperator):
    """A among some animals of a pedigree, as a linear operator.

    Parameters
    ----------
    pedigree : Pedigree
        Animals that none of the wanted ones descend from are left out: they change
        nothing.
    rows : ndarray of int, shape (n_wanted,)
        The wanted animals.

    Attributes
    ----------
    diagonal : ndarray of float64, shape (n_wanted,)
        1 + F of each.
    """

    def __init__(self, pedigree: Pedigree, rows: np.ndarray) -> None:
        super().__init__(np.float64, (len(rows), len(rows)))
        kept = pedigree.with_ancestors(rows)
        self._relationship = RelationshipOperator(pedigree.keep(kept))
        self._rows = np.searchsorted(kept, rows)
        self.diagonal = 1.0 + self._relationship.inbreeding[self._rows]

    def _matmat(self, V: np.ndarray) -> np.ndarray:
        """Multiply a block of vectors, shape (n_wanted, n_vectors)."""
        X = np.zeros((self._relationship.shape[0], V.shape[1]))
        X[self._rows] = V
        return (self._relationship @ X)[self._rows]

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        return self._matmat(v.reshape(-1, 1)).ravel()

    def _adjoint(self) -> "BlockOperator":
        return self

    def to_dense(self) -> np.ndarray:
        """Build the matrix, shape (n_wanted, n_wanted), by columns (Colleau 2002)."""
        n = self.shape[0]
        A = np.empty((n, n))
        for start in range(0, n, COLUMNS):
            units = np.eye(n, min(COLUMNS, n - start), -start)
            A[:, start : start + COLUMNS] = self @ units
        return A


@numba.njit(cache=True)
def _sweep(
    sire: np.ndarray, dam: np.ndarray, mendelian: np.ndarray, X: np.ndarray
) -> None:
    """Replace X by T D T' X in place."""
    n, width = X.shape
    for i in range(n - 1, -1, -1):
        s, d = sire[i], dam[i]
        if s >= 0:
            for k in range(width):
                X[s, k] += 0.5 * X[i, k]
        if d >= 0:
            for k in range(width):
                X[d, k] += 0.5 * X[i, k]
        for k in range(width):
            X[i, k] *= mendelian[i]
    for i in range(n):
        s, d = sire[i], dam[i]
        if s >= 0:
            for k in range(width):
                X[i, k] += 0.5 * X[s, k]
        if d >= 0:
            for k in range(width):
                X[i, k] += 0.5 * X[d, k]
