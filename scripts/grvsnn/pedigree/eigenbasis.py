"""Eigenpairs of a symmetric matrix, and a reproducible basis of tied eigenspaces."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh

from grvsnn.base.errors import InputError

TIE = 1e-9
"""Eigenvalues closer than this share of the largest one count as tied."""


def dense_eigenpairs(
    A: np.ndarray,
) -> tuple[np.ndarray, Callable[[int], np.ndarray]]:
    """Decompose a dense symmetric matrix.

    Parameters
    ----------
    A : ndarray of float64, shape (n, n)
        Only its lower triangle is read.

    Returns
    -------
    values : ndarray of float64, shape (n,)
        All eigenvalues, descending.
    leading : function of int
        ``leading(m)`` gives the first m eigenvectors, shape (n, m), orthonormal, in
        the basis of `canonical_basis`.
    """
    values, vectors = eigh(A, driver="evd", check_finite=False)
    values, vectors = values[::-1].copy(), vectors[:, ::-1]

    def leading(m: int) -> np.ndarray:
        whole = end_of_tie(values, m)
        canonical = np.array(vectors[:, :whole], order="F")
        canonical_basis(values[:whole], canonical)
        return canonical[:, :m]

    return values, leading


def refuse_indefinite(values: np.ndarray) -> None:
    """Refuse the descending spectrum of a matrix that is not one of relationships."""
    if values[-1] < -1e-6 * values[0]:
        raise InputError(
            "the relationship matrix is not positive semi-definite: its smallest "
            f"eigenvalue is {values[-1]:g}; check how it was made"
        )


def canonical_basis(values: np.ndarray, vectors: np.ndarray) -> None:
    """Fix, in place, what an eigensolver leaves open: signs, bases of tied eigenspaces.

    A single vector is turned so that its entry of largest magnitude (the first of
    equals) is positive. The basis of a tied eigenspace is the Gram-Schmidt of the unit
    vectors e_1, e_2, ... projected onto it, taken in order and skipping those that
    add nothing: a function of the space alone. On a relationship matrix the order is
    that of its animals. (Where a choice of rank cuts through a tie, the space kept
    depends on that basis; compare loadings by L L' only between whole eigenspaces.)

    Parameters
    ----------
    values : ndarray of float64, shape (k,)
        Descending eigenvalues; ties are judged by `TIE`.
    vectors : ndarray of float64, shape (n, k)
        Orthonormal eigenvectors, overwritten.
    """
    start = 0
    while start < len(values):
        stop = end_of_tie(values, start + 1)
        part = vectors[:, start:stop]
        if stop - start > 1:
            part[:] = _projected_units(part)
        part *= _signs(part)
        start = stop


def end_of_tie(values: np.ndarray, count: int) -> int:
    """Smallest number of leading values >= count that splits no tie."""
    while count < len(values) and values[count - 1] - values[count] <= TIE * values[0]:
        count += 1
    return count


def _signs(vectors: np.ndarray) -> np.ndarray:
    """Sign of each column's entry of largest magnitude, the first among near-equals."""
    size = np.abs(vectors)
    first = np.argmax(size > (1 - 1e-6) * size.max(axis=0), axis=0)
    return np.where(vectors[first, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)


def _projected_units(basis: np.ndarray) -> np.ndarray:
    """Gram-Schmidt of the rows' projections onto the span of `basis`, in row order.

    The projection of e_i has the coordinates ``basis[i]``, so the new basis is
    ``basis @ W`` with W from Gram-Schmidt on the first independent rows.
    """
    k = basis.shape[1]
    W = np.zeros((k, k))
    found = 0
    for row in basis:
        rest = row - W[:, :found] @ (W[:, :found].T @ row)
        rest -= W[:, :found] @ (W[:, :found].T @ rest)
        length = np.linalg.norm(rest)
        if length > 1e-5:
            W[:, found] = rest / length
            found += 1
            if found == k:
                break
    return basis @ W
