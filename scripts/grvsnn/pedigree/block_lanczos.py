"""Leading eigenpairs of a large symmetric operator by a restarted block Krylov method.

The basis grows by blocks (A times the last block, fully orthogonalised), the matrix is
projected on it (Rayleigh-Ritz), and when the memory is full the best Ritz vectors are
kept and the growth continues: block Lanczos with thick restarts (Wu and Simon 2000).
Blocks turn nearly all the work into matrix products and find tied eigenvalues together.

Where products with A cost less than keeping the basis orthogonal, the first restart
changes A for f(A) = A (A - c I) with c below every wanted eigenvalue: the order of the
wanted ones stays, all others are pressed to f <= their own f, mostly below 0, and about
half the vectors suffice.
"""

import logging

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator

logger = logging.getLogger(__name__)

BLOCK = 16
"""Vectors per block."""
CHECK_BLOCKS = 8
"""Depth of the fresh start that looks for missed copies of tied eigenvalues."""
MAX_RESTARTS = 300
FILTER_RANGE = 300.0
"""Largest ratio of wanted eigenvalues that f(A) can hold at full accuracy: f squares
it, and rounding is relative to the largest value of f."""
CHUNK = 4096
"""Columns turned at a time when the basis is compressed in place."""


def leading_eigenpairs(
    operator: LinearOperator, n_vectors: int, tolerance: float = 1e-9
) -> tuple[np.ndarray, np.ndarray]:
    """Find the largest eigenvalues of a symmetric operator and their eigenvectors.

    A block method that starts at random can miss copies of an eigenvalue tied more
    often than the block is wide. Once converged it therefore starts afresh at random
    beside what it has, and stops only when that brings nothing new.

    Parameters
    ----------
    operator : LinearOperator, shape (n, n)
        Symmetric positive semi-definite; its product with blocks of vectors is used.
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
    capacity = n_vectors + max(n_vectors // 2, 12 * BLOCK)
    if capacity + BLOCK >= n:
        return _whole(operator, n_vectors)
    rng = np.random.default_rng(0)
    basis = _Basis(operator, capacity)
    block = basis.fresh_block(rng)
    settled = None
    for restart in range(MAX_RESTARTS):
        limit = capacity if settled is None else n_vectors + CHECK_BLOCKS * BLOCK
        while basis.size + len(block) <= limit:
            width = len(block)
            block, coupling = basis.append(block)
        ritz, Y = basis.ritz()
        # the operator leaves the basis only through the last block
        outside = coupling @ Y[-width:]
        values, residual = basis.undo_filter(ritz, np.linalg.norm(outside, axis=0))
        top = values[:n_vectors]
        n_done = int((residual <= tolerance * values)[:n_vectors].sum())
        logger.info("restart %d: %d of %d eigenpairs", restart, n_done, n_vectors)
        if n_done < n_vectors:
            settled = None
            n_kept = n_vectors + (basis.size - n_vectors) // 5
            basis.compress(ritz, Y, n_kept)
            if basis.shift == 0 and top[0] <= FILTER_RANGE * top[-1]:
                block = basis.switch_filter(0.9 * top[-1], outside[:, :n_kept], block)
            continue
        basis.compress(ritz, Y, n_vectors)
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
    """Orthonormal basis (one vector a row) and f(A) = A or A (A - shift) on it."""

    def __init__(self, operator: LinearOperator, capacity: int) -> None:
        self.operator = operator
        self.rows = np.empty((capacity, operator.shape[0]))
        self.projected = np.zeros((capacity, capacity))
        self.size = 0
        self.shift = 0.0

    def append(self, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take in an orthonormal block (b, n), return the next and the coupling to it.

        ``f(A) block = coefficients' basis + coupling' next``, all vectors being rows.
        """
        here = slice(self.size, self.size + len(block))
        self.rows[here] = block
        self.size = here.stop
        W = self._apply(block)
        if self.shift:
            W = self._apply(W) - self.shift * W
        coefficients = self._project_out(W)
        self.projected[: self.size, here] = coefficients
        self.projected[here, : self.size] = coefficients.T
        return self._complement(W)

    def _apply(self, block: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((self.operator @ block.T).T)

    def switch_filter(
        self, shift: float, outside: np.ndarray, block: np.ndarray
    ) -> np.ndarray:
        """Go on with f(A) = A (A - shift) from Ritz vectors V of A, just compressed.

        With A V = V Theta + Q S (Q is `block`, S is `outside`), f(A) is
        Theta (Theta - shift) + S'S on V and leaves V through Q and A Q: the next block.
        """
        part = self.projected[: self.size, : self.size]
        theta = part.diagonal().copy()
        part[:] = outside.T @ outside
        part.flat[:: self.size + 1] += theta * (theta - shift)
        self.shift = shift
        wider = np.vstack([block, self._apply(block)])
        self._project_out(wider)
        return self._complement(wider)[0]

    def undo_filter(
        self, ritz: np.ndarray, residual: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues of A from those of f(A), and bounds of A's residuals.

        f(A) - f(theta) = (A + theta - shift) (A - theta), and A has no eigenvalue below
        0, so the residual of A is at most that of f(A) over theta - shift.
        """
        if not self.shift:
            return ritz, residual
        half = 0.5 * self.shift
        values = half + np.sqrt(np.maximum(half**2 + ritz, 0.0))
        above = values - self.shift
        bound = np.full(len(ritz), np.inf)
        return values, np.divide(residual, above, out=bound, where=above > 0)

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
        Q, first = _orthonormal_rows(W)
        self._project_out(Q)
        Q, second = _orthonormal_rows(Q)
        return Q, second @ first

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


def _orthonormal_rows(W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal rows Q and R with W = R' Q, for few long rows.

    Cholesky QR is matrix products only; as it loses accuracy with the square of the
    condition number, nearly dependent rows go to Householder's.
    """
    gram = W @ W.T
    try:
        lower = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        lower = np.zeros_like(gram)
    pivots = lower.diagonal()
    if pivots.min() > 1e-6 * pivots.max():
        return np.linalg.inv(lower) @ W, lower.T
    Q, R = np.linalg.qr(W.T)
    return np.ascontiguousarray(Q.T), R
