"""Restricted likelihood of several traits at once, and their joint prediction.

The model of n animals with T traits, the rows of Y, is

    Y = 1 mu' + G_1 + ... + G_k + E,
    vec(G_j) ~ N(0, S_j x K_j),   vec(E) ~ N(0, S_e x I)

with T x T covariance matrices S_j of the kernels and S_e of the residuals (Henderson
and Quaas, 1976). As in `grvsnn.models.mixed.reml`, the eigenvectors of the first kernel
within the contrasts make it a diagonal: the animals fall apart into T x T blocks
V_i = d_i S_1 + S_e, and the other kernels, held as factors, enter by the Woodbury
identity. Each covariance matrix is B B' with a lower triangular B, which keeps it
positive semidefinite; the gradient comes by automatic differentiation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg

from grvsnn.models.mixed.reml import RESIDUAL_FLOOR, Contrasts

MAX_STEPS = 300
"""Limit of the quasi-Newton steps."""
TOLERANCE = 1e-10
"""Relative residual at which conjugate gradients stop."""


@dataclass(frozen=True, eq=False)
class Covariances:
    """Optimum of the restricted likelihood of T traits.

    Attributes
    ----------
    kernels : ndarray, shape (k, T, T)
        Covariances of the traits for every kernel, scaled to a mean diagonal of 1.
    residual : ndarray, shape (T, T)
        Residual covariance matrix.
    log_likelihood : float
        At the optimum, without its constant.
    converged : bool
        Whether the gradient test was met.
    """

    kernels: np.ndarray
    residual: np.ndarray
    log_likelihood: float
    converged: bool

    @property
    def shares(self) -> np.ndarray:
        """Shares of the traits' variances due to every kernel, shape (k, T)."""
        parts = np.diagonal(self.kernels, axis1=1, axis2=2)
        total = parts.sum(axis=0) + np.diag(self.residual)
        return np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)


def fit_covariances(Y: np.ndarray, contrasts: Contrasts) -> Covariances:
    """Maximise the restricted likelihood over all covariance matrices.

    Parameters
    ----------
    Y : ndarray, shape (n, T)
        Phenotypes of the animals that the contrasts were built on, without gaps.
    contrasts : Contrasts
        The kernels.
    """
    r = contrasts.basis.T @ (Y - Y.mean(axis=0))
    n_traits = Y.shape[1]
    n_parts = contrasts.n_kernels + 1
    lower = np.tril_indices(n_traits)
    model = _Likelihood(r, contrasts, lower)
    spread = np.linalg.cholesky(np.cov(r.T, ddof=0, bias=True).reshape(n_traits, -1))
    # half of the variance is the residual's, the kernels share the other half
    parts = [0.5 / contrasts.n_kernels] * contrasts.n_kernels + [0.5]
    start = np.concatenate([np.sqrt(part) * spread[lower] for part in parts])
    found = minimize(
        model.descent,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_STEPS, "gtol": 1e-5, "ftol": 1e-13},
    )
    roots = [model.root(part) for part in np.split(found.x, n_parts)]
    squares = np.array([(root @ root.T).numpy() for root in roots])
    floor = RESIDUAL_FLOOR * np.eye(n_traits)
    return Covariances(
        kernels=squares[:-1],
        residual=squares[-1] + floor,
        log_likelihood=-float(found.fun) * len(r),
        converged=bool(found.success),
    )


class _Likelihood:
    """Minus the log-likelihood for an animal, and its gradient."""

    def __init__(
        self, r: np.ndarray, contrasts: Contrasts, lower: tuple[np.ndarray, np.ndarray]
    ) -> None:
        self.r = torch.from_numpy(r)
        self.d = torch.from_numpy(contrasts.spectrum)[:, None, None]
        self.F = torch.from_numpy(contrasts.factors)
        self.blocks = contrasts.blocks
        self.lower = lower
        self.n_traits = r.shape[1]

    def root(self, values: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Lower triangular B of one covariance matrix."""
        values = torch.as_tensor(values)
        B = torch.zeros(self.n_traits, self.n_traits, dtype=torch.float64)
        return B.index_put(tuple(map(torch.from_numpy, self.lower)), values)

    def descent(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient for a minimiser."""
        x = torch.tensor(values, requires_grad=True)
        value = self.value(x)
        value.backward()
        return value.item(), x.grad.numpy()

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """Half of log |V| + r' V^-1 r, for an animal."""
        first, *others, last = (self.root(part) for part in x.split(len(self.lower[0])))
        floor = RESIDUAL_FLOOR * torch.eye(self.n_traits, dtype=torch.float64)
        V = self.d * (first @ first.T) + (last @ last.T + floor)
        L = torch.linalg.cholesky(V)
        logdet = 2.0 * L.diagonal(dim1=1, dim2=2).log().sum()
        solved = torch.cholesky_solve(self.r[:, :, None], L)[..., 0]
        fit = (self.r * solved).sum()
        if others:
            inverse = torch.cholesky_inverse(L)
            more, less = self._low_rank(others, inverse, solved)
            logdet, fit = logdet + more, fit - less
        return 0.5 * (logdet + fit) / len(self.r)

    def _low_rank(
        self, roots: Sequence[torch.Tensor], inverse: torch.Tensor, solved: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what factors add to log |V|, and what they take from r' V^-1 r.

        With W the columns f x B of all factors, |V| grows by |I + W' D^-1 W|, and
        r' V^-1 r loses b' (I + W' D^-1 W)^-1 b for b = W' D^-1 r.
        """
        T = self.n_traits
        grids, sides = [], []
        for root, block in zip(roots, self.blocks, strict=True):
            sides.append((self.F[:, block].T @ solved) @ root)
            row = []
            for other, against in zip(roots, self.blocks, strict=True):
                weights = root.T @ inverse @ other
                cells = [
                    [
                        self.F[:, block].T
                        @ (weights[:, s, t, None] * self.F[:, against])
                        for t in range(T)
                    ]
                    for s in range(T)
                ]
                row.append(torch.cat([torch.cat(cell, dim=1) for cell in cells]))
            grids.append(torch.cat(row, dim=1))
        C = torch.cat(grids)
        C = C + torch.eye(len(C), dtype=torch.float64)
        b = torch.cat([side.T.reshape(-1) for side in sides])
        L = torch.linalg.cholesky(C)
        half = torch.linalg.solve_triangular(L, b[:, None], upper=False)
        return 2.0 * L.diagonal().log().sum(), (half**2).sum()


def solve_jointly(
    Y: np.ndarray, blocks: Sequence[np.ndarray], found: Covariances
) -> tuple[np.ndarray, np.ndarray]:
    """Means by generalised least squares, and V^-1 (Y - 1 mu'), with gaps in Y.

    Parameters
    ----------
    Y : ndarray, shape (n, T)
        Phenotypes, NaN where a trait was not observed.
    blocks : sequence of ndarray, each of shape (n, n)
        Every kernel over these animals, scaled as `found` has it.
    found : Covariances
        Covariance matrices.

    Returns
    -------
    mean : ndarray, shape (T,)
    weights : ndarray, shape (n, T)
        0 where a trait was not observed.
    """
    observed = np.isfinite(Y)
    scale = sum(np.diag(S) for S in found.kernels) + np.diag(found.residual)

    def times(v: np.ndarray) -> np.ndarray:
        full = np.zeros(Y.shape)
        full[observed] = v
        out = full @ found.residual
        for K, S in zip(blocks, found.kernels, strict=True):
            out += K @ full @ S
        return out[observed]

    n = int(observed.sum())
    V = LinearOperator((n, n), matvec=times, dtype=float)
    inverse = 1.0 / np.broadcast_to(scale, Y.shape)[observed]
    guess = LinearOperator((n, n), matvec=lambda v: inverse * v, dtype=float)

    def solve(b: np.ndarray) -> np.ndarray:
        return cg(V, b, rtol=TOLERANCE, maxiter=20 * len(b), M=guess)[0]

    ones = np.zeros((Y.shape[1], n))
    trait = np.nonzero(observed)[1]
    ones[trait, np.arange(n)] = 1.0
    X = np.array([solve(one) for one in ones])
    y = solve(Y[observed])
    mean = np.linalg.solve(ones @ X.T, ones @ y)
    weights = np.zeros(Y.shape)
    weights[observed] = y - mean @ X
    return mean, weights
