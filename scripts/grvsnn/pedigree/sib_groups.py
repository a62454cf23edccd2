"""An exactly smaller eigenproblem: full sibs without progeny count as one animal.

Full sibs that have no progeny are exchangeable. The eigenvectors of A are therefore of
two kinds: contrasts within such a litter, whose eigenvalue is the sibs' Mendelian
variance (at most 1), and vectors constant over every litter. The second kind is found
on one node per litter, its k sibs' mean times sqrt(k), so that orthonormal vectors stay
orthonormal.
"""

import numpy as np
import pandas as pd
from scipy.sparse.linalg import LinearOperator

from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import RelationshipOperator


class LitterOperator(LinearOperator):
    """A on parents and litter nodes, as a linear operator.

    A node of k sibs behaves like one of them with its row and column times sqrt(k),
    except that the sibs' Mendelian terms d are independent: S A S - (k - 1) d.

    Parameters
    ----------
    pedigree : Pedigree
        n animals.

    Attributes
    ----------
    node : ndarray of int, shape (n_animals,)
        Node of each animal.
    size : ndarray of int, shape (n_nodes,)
        Animals of each node.
    trace : float
        Trace of the whole A.
    contrast : float
        Largest eigenvalue of a contrast within a litter; 0 without any.
    """

    def __init__(self, pedigree: Pedigree) -> None:
        kept, self.node = _group_litters(pedigree)
        super().__init__(np.float64, (len(kept), len(kept)))
        self.size = np.bincount(self.node)
        self._relationship = RelationshipOperator(pedigree.keep(kept))
        mendelian = self._relationship.mendelian
        self._scale = np.sqrt(self.size)[:, None]
        self._surplus = ((self.size - 1) * mendelian)[:, None]
        self.trace = float((self.size * (1 + self._relationship.inbreeding)).sum())
        self.contrast = float(mendelian[self.size > 1].max(initial=0.0))

    def _matmat(self, V: np.ndarray) -> np.ndarray:
        product = self._relationship @ (self._scale * V)
        product *= self._scale
        product -= self._surplus * V
        return product

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        return self._matmat(v.reshape(-1, 1)).ravel()

    def _adjoint(self) -> "LitterOperator":
        return self

    def to_animals(self, vectors: np.ndarray) -> None:
        """Turn node vectors, in place, into the entries of each node's animals."""
        vectors /= self._scale


def _group_litters(pedigree: Pedigree) -> tuple[np.ndarray, np.ndarray]:
    """First row of every node, ascending, and the node of every animal."""
    first = np.arange(len(pedigree))
    leaves = np.flatnonzero(~pedigree.is_parent)
    # one number per pair of parents, unknown ones included
    pair = (pedigree.sire[leaves] + 1) * (len(pedigree) + 1) + pedigree.dam[leaves] + 1
    litter, _ = pd.factorize(pair)
    _, start = np.unique(litter, return_index=True)
    first[leaves] = leaves[start[litter]]
    return np.unique(first, return_inverse=True)
