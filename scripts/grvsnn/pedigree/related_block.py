"""Eigenpairs of A among the genotyped animals that have relatives among them."""

from collections.abc import Callable

import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.pedigree.block_lanczos import leading_eigenpairs
from grvsnn.pedigree.eigenbasis import (
    TIE,
    canonical_basis,
    dense_eigenpairs,
    refuse_indefinite,
)
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import BlockOperator

FIRST = 128
"""Eigenpairs that are computed first where their number is not known."""


class RelatedBlock:
    """A among some animals, without those related to none of the others.

    An animal without relatives would take a component of its own, with 1 + F for an
    eigenvalue, which says nothing of anybody else.

    Parameters
    ----------
    relationship : ndarray of float64, shape (n_animals, n_animals), or Pedigree
        A, or the pedigree that it follows from.
    rows : ndarray of int, shape (n_wanted,)
        Ascending.
    dense_limit : int
        Most animals whose block of a pedigree's A is built.

    Attributes
    ----------
    members : ndarray of int, shape (n_members,)
        Places in `rows` of the animals with relatives.
    trace : float
        Of the block; in a pedigree's the sum of 1 + F.
    average : float
        Average variance of the members around their mean, tr(P A P) / (n - 1) with
        P = I - 11'/n: the mean of 1 + F less the mean relationship of two members.
    facts : dict
        JSON-able: solver, n_animals (members), trace, without_relatives.

    Raises
    ------
    InputError
        When no animal has a relative.
    """

    def __init__(
        self, relationship: np.ndarray | Pedigree, rows: np.ndarray, dense_limit: int
    ) -> None:
        whole, diagonal = _block(relationship, rows)
        # all entries of a pedigree's A are at least 0
        A = whole if isinstance(whole, BlockOperator) else np.abs(whole)
        kinship = A @ np.ones(len(rows)) - np.abs(diagonal)
        self.members = np.flatnonzero(kinship > TIE)
        if len(self.members) == 0:
            raise InputError(
                "no genotyped animal is related to another one, so that the pedigree "
                "tells nothing; use setting 'markers'"
            )
        self._A, diagonal = _block(relationship, rows[self.members])
        n = len(self.members)
        if isinstance(self._A, BlockOperator) and n <= dense_limit:
            self._A = self._A.to_dense()
        self.trace = float(diagonal.sum())
        self.average = (self.trace - float((self._A @ np.ones(n)).sum()) / n) / (n - 1)
        self.facts = {
            "solver": "dense" if isinstance(self._A, np.ndarray) else "iterative",
            "n_animals": n,
            "trace": self.trace,
            "without_relatives": len(rows) - n,
        }

    def eigenpairs(
        self, bar: float, most: int, tolerance: float
    ) -> tuple[np.ndarray, Callable[[int], np.ndarray]]:
        """Find all eigenvalues above a bar and more, or `most` and one more.

        Parameters
        ----------
        bar : float
            Below it no eigenvalue is wanted.
        most : int
            Most eigenpairs that are wanted.
        tolerance : float
            Bound of ||A q - lambda q|| / lambda, where A is not built.

        Returns
        -------
        values : ndarray of float64, shape (k,)
            Descending; all of them where A is built.
        leading : function of int
            See `grvsnn.pedigree.eigenbasis.dense_eigenpairs`.
        """
        if isinstance(self._A, np.ndarray):
            values, leading = dense_eigenpairs(self._A)
            refuse_indefinite(values)
            return values, leading
        most = min(most + 1, self._A.shape[0])
        wanted = min(FIRST, most)
        while True:
            values, Q = leading_eigenpairs(self._A, wanted, tolerance)
            if values[-1] <= bar or wanted == most:
                break
            wanted = min(2 * wanted, most)
        canonical_basis(values, Q)
        return values, lambda m: Q[:, :m]


def _block(
    relationship: np.ndarray | Pedigree, rows: np.ndarray
) -> tuple[np.ndarray | BlockOperator, np.ndarray]:
    """Take A among the given animals, and its diagonal."""
    if isinstance(relationship, Pedigree):
        block = BlockOperator(relationship, rows)
        return block, block.diagonal
    block = relationship[np.ix_(rows, rows)]
    return block, block.diagonal()
