"""Leading eigenpairs of a large symmetric operator by a restarted block Krylov method.

The basis grows by blocks (A times the last block, fully orthogonalised), the matrix is
projected on it (Rayleigh-Ritz), and when the memory is full the best Ritz vectors are
kept and the growth goes on: block Lanczos with thick restarts (Wu and Simon 2000).
Blocks turn nearly all the work into matrix products and find tied eigenvalues together.
"""

import logging

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator

logger = logging.getLogger(__name__)

BLOCK = 32
MAX_RESTARTS = 300
CHUNK = 4096


def leading_eigenpairs(
    operator: LinearOperator, n_vectors: int, tolerance: float = 1e-9
) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues of a symmetric operator and their eigenvectors.

    A block method that starts at random can miss copies of an eigenvalue tied more
    often than the block is wide. Once converged it therefore starts afresh at random
    beside what it has, and stops only when that brings nothing new.

    Parameters
    ----------
    operator : LinearOperator, shape (n, n)
        Symmetric; its product with blocks of vectors is used.
    n_vectors : int
        Number of eigenpairs m; memory is about ``1.5 m`` vectors of length n.
    tolerance : float
        Bound of the residual norm ||A q - lambda q|| relative to lambda.

    Returns
    -------
    values : ndarray of float64, shape (n_vectors,)
        Descending.
    vectors : ndarray of float64, shape (n, n_vectors)
        Orthonormal, in Fortran order.

    Raises
    ------
    RuntimeError
        Without convergence after `MAX_RESTARTS` restarts.
    """
    n = operator.shape[0]
    capacity = n_vectors + max(n_vectors // 2, 6 * BLOCK)
    if capacity + BLOCK >= n:
        return _whole(operator, n_vectors)
    rng = np.random.default_rng(0)
    basis = _Basis(operator, capacity)
    block = basis.fresh_block(rng)
    settled = None
    for restart in range(MAX_RESTARTS):
        coupling = np.zeros((BLOCK, BLOCK))
        while basis.size + BLOCK <= capacity:
            block, coupling = basis.append(block)
        values, Y = basis.ritz()
        # A leaves the space only through the last block
        residual = np.linalg.norm(coupling @ Y[-BLOCK:, :n_vectors], axis=0)
        top = values[:n_vectors]
        n_done = int((residual <= tolerance * np.abs(top)).sum())
        logger.info("restart %d: %d of %d eigenpairs", restart, n_done, n_vectors)
        if n_done < n_vectors:
            settled = None
            basis.compress(values, Y, n_vectors + (basis.size - n_vectors) // 3)
            continue
        basis.compress(values, Y, n_vectors)
        if settled is not None and np.allclose(top, settled, rtol=tolerance, atol=0):
            return top.copy(), basis.rows[:n_vectors].T
        settled = top.copy()
        block = basis.fresh_block(rng)
    raise RuntimeError(
        f"only {n_done} of {n_vectors} eigenpairs converged to {tolerance:g} after "
        f"{MAX_RESTARTS} restarts; ask for fewer or loosen the tolerance"
    )


def _whole(operator: LinearOperator, n_vectors: int) -> tuple[np.ndarray, np.ndarray]:
    """Decompose a small operator as a dense matrix."""
    n = operator.shape[0]
    A = operator @ np.eye(n)
    values, vectors = eigh(A, subset_by_index=[n - n_vectors, n - 1])
    return values[::-1].copy(), np.asfortranarray(vectors[:, ::-1])


class _Basis:
    """Orthonormal basis (one vector a row) and the operator projected on it."""

    def __init__(self, operator: LinearOperator, capacity: int) -> None:
        self.operator = operator
        self.rows = np.empty((capacity, operator.shape[0]))
        self.projected = np.zeros((capacity, capacity))
        self.size = 0

    def append(self, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take in an orthonormal block (b, n), return the next and the coupling to it.

        ``A block = coefficients' basis + coupling' next``, all vectors being rows.
        """
        here = slice(self.size, self.size + len(block))
        self.rows[here] = block
        self.size = here.stop
        W = np.ascontiguousarray((self.operator @ block.T).T)
        coefficients = self._project_out(W)
        self.projected[: self.size, here] = coefficients
        self.projected[here, : self.size] = coefficients.T
        return self._complement(W)

    def fresh_block(self, rng: np.random.Generator) -> np.ndarray:
        """Random orthonormal block beside the basis."""
        W = rng.standard_normal((BLOCK, self.rows.shape[1]))
        self._project_out(W)
        return self._complement(W)[0]

    def _project_out(self, W: np.ndarray) -> np.ndarray:
        """Take the basis out of the rows of W, in place; return the coefficients."""
        V = self.rows[: self.size]
        coefficients = V @ W.T
        W -= coefficients.T @ V
        return coefficients

    def _complement(self, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Orthonormal rows Q with W = R' Q, W having been projected once.

        A second projection, after scaling, makes Q orthogonal to the basis to working
        precision (twice is enough).
        """
        Q, first = np.linalg.qr(W.T)
        Q = np.ascontiguousarray(Q.T)
        self._project_out(Q)
        Q, second = np.linalg.qr(Q.T)
        return np.ascontiguousarray(Q.T), second @ first

    def ritz(self) -> tuple[np.ndarray, np.ndarray]:
        """All Ritz values, descending, and their coordinates in the basis."""
        values, Y = eigh(self.projected[: self.size, : self.size], driver="evd")
        return values[::-1], Y[:, ::-1]

    def compress(self, values: np.ndarray, Y: np.ndarray, n_kept: int) -> None:
        """Replace the basis by its leading Ritz vectors, in place."""
        turn = np.ascontiguousarray(Y[:, :n_kept].T)
        for start in range(0, self.rows.shape[1], CHUNK):
            columns = slice(start, start + CHUNK)
            self.rows[:n_kept, columns] = turn @ self.rows[: self.size, columns]
        self.projected[:] = 0.0
        np.fill_diagonal(self.projected[:n_kept, :n_kept], values[:n_kept])
        self.size = n_kept
