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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg

from grvsnn.models.mixed.kernels import Kernels
from grvsnn.models.mixed.reml import RESIDUAL_FLOOR, Contrasts, fit_reml

LEAST_START = 0.01
"""Least share of a kernel at the start."""
LEAST_USED = 1e-3
"""Share up to which a kernel is of no use to a trait on its own."""
MAX_STEPS = 300
"""Limit of the quasi-Newton steps."""
MOST_DENSE = 6000
"""Records up to which V itself is factorised."""
TOLERANCE = 1e-10
"""Relative residual at which conjugate gradients stop."""
LEAST_SHARE = 0.5
"""Share of the records of the trait with most that must be on animals with every trait
observed, for the traits' covariances to be estimated from these."""


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

    It starts where the traits, each fitted on its own, share their correlations
    between kernels and residuals. A kernel that none of them has any use for alone is
    left out: its covariances are 0.

    Parameters
    ----------
    Y : ndarray, shape (n, T)
        Phenotypes of the animals that the contrasts were built on, without gaps.
    contrasts : Contrasts
        The kernels.
    """
    r = contrasts.basis.T @ (Y - Y.mean(axis=0))
    n_traits = Y.shape[1]
    alone = np.array([fit_reml(y, contrasts).shares for y in Y.T])
    # the first kernel stays: it is the diagonal
    used = [0, *(k for k in range(1, len(alone.T)) if alone[:, k].max() > LEAST_USED)]
    model = _Likelihood(r, contrasts, used)
    spread = np.linalg.cholesky(np.cov(r.T, ddof=0, bias=True).reshape(n_traits, -1))
    shares = np.column_stack([alone[:, used], 1.0 - alone[:, used].sum(axis=1)])
    # a share of 0 has no gradient in its root
    shares = np.sqrt(np.maximum(shares, LEAST_START))
    start = np.concatenate([(part[:, None] * spread)[model.lower] for part in shares.T])
    found = minimize(
        model.descent,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_STEPS, "gtol": 1e-5, "ftol": 1e-11},
    )
    roots = map(model.root, np.split(found.x, len(used) + 1))
    *parts, residual = [(root @ root.T).numpy() for root in roots]
    kernels = np.zeros((contrasts.n_kernels, n_traits, n_traits))
    kernels[used] = parts
    return Covariances(
        kernels=kernels,
        residual=residual + RESIDUAL_FLOOR * np.eye(n_traits),
        log_likelihood=-float(found.fun) * len(r),
        converged=bool(found.success),
    )


class _Likelihood:
    """Minus the log-likelihood for an animal, and its gradient."""

    def __init__(
        self, r: np.ndarray, contrasts: Contrasts, used: Sequence[int]
    ) -> None:
        self.r = torch.from_numpy(r)
        self.d = torch.from_numpy(contrasts.spectrum)[:, None, None]
        parts = [contrasts.factors[:, contrasts.blocks[k - 1]] for k in used[1:]]
        self.F = torch.from_numpy(np.hstack([np.empty((len(r), 0)), *parts]))
        self.widths = [part.shape[1] for part in parts]
        self.n_traits = r.shape[1]
        self.lower = np.tril_indices(self.n_traits)

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
        T, m = self.n_traits, self.F.shape[1]
        # B of each column's kernel
        B = torch.cat(
            [
                root.expand(width, T, T)
                for root, width in zip(roots, self.widths, strict=True)
            ]
        )
        grids = {
            (s, t): self.F.T @ (inverse[:, s, t, None] * self.F)
            for s in range(T)
            for t in range(s + 1)
        }
        M = torch.stack(
            [grids[max(s, t), min(s, t)] for s in range(T) for t in range(T)]
        ).view(T, T, m, m)
        half = torch.einsum("uvab,bvt->uabt", M, B)
        C = torch.einsum("aus,uabt->asbt", B, half).reshape(m * T, m * T)
        C = C + torch.eye(m * T, dtype=torch.float64)
        b = torch.einsum("au,aus->as", self.F.T @ solved, B).reshape(-1, 1)
        L = torch.linalg.cholesky(C)
        side = torch.linalg.solve_triangular(L, b, upper=False)
        return 2.0 * L.diagonal().log().sum(), (side**2).sum()


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
    animal, trait = np.nonzero(observed)
    n = len(animal)
    ones = np.zeros((Y.shape[1], n))
    ones[trait, np.arange(n)] = 1.0
    solver = _factorised if n <= MOST_DENSE else _iterated
    solve = solver(observed, blocks, found)
    X = np.array([solve(one) for one in ones])
    y = solve(Y[observed])
    mean = np.linalg.solve(ones @ X.T, ones @ y)
    weights = np.zeros(Y.shape)
    weights[observed] = y - mean @ X
    return mean, weights


def _factorised(
    observed: np.ndarray, blocks: Sequence[np.ndarray], found: Covariances
) -> Callable[[np.ndarray], np.ndarray]:
    """V^-1 times a vector by the Cholesky factor of V, of all records at once."""
    animal, trait = np.nonzero(observed)
    pairs, records = np.ix_(animal, animal), np.ix_(trait, trait)
    V = (animal[:, None] == animal) * found.residual[records]
    for K, S in zip(blocks, found.kernels, strict=True):
        V += K[pairs] * S[records]
    factor = cho_factor(V, lower=True, overwrite_a=True, check_finite=False)
    return lambda b: cho_solve(factor, b, check_finite=False)


def _iterated(
    observed: np.ndarray, blocks: Sequence[np.ndarray], found: Covariances
) -> Callable[[np.ndarray], np.ndarray]:
    """V^-1 times a vector by conjugate gradients, which need no V."""
    shape = observed.shape
    scale = sum(np.diag(S) for S in found.kernels) + np.diag(found.residual)

    def times(v: np.ndarray) -> np.ndarray:
        full = np.zeros(shape)
        full[observed] = v
        out = full @ found.residual
        for K, S in zip(blocks, found.kernels, strict=True):
            out += K @ full @ S
        return out[observed]

    n = int(observed.sum())
    V = LinearOperator((n, n), matvec=times, dtype=float)
    inverse = 1.0 / np.broadcast_to(scale, shape)[observed]
    guess = LinearOperator((n, n), matvec=lambda v: inverse * v, dtype=float)
    return lambda b: cg(V, b, rtol=TOLERANCE, maxiter=20 * n, M=guess)[0]


def traits_overlap(observed: np.ndarray) -> bool:
    """Tell whether several traits have enough animals in common for one model.

    Parameters
    ----------
    observed : ndarray of bool, shape (n, T)
        Which records training animals have.
    """
    n_complete = observed.all(axis=1).sum()
    enough = n_complete >= LEAST_SHARE * observed.sum(axis=0).max(initial=0)
    return bool(observed.shape[1] > 1 and n_complete >= 3 and enough)


class JointModel:
    """All traits in one model, with the covariances that their records ask for.

    Parameters
    ----------
    kernels : Kernels
        The kernels of one fold.
    Y : ndarray, shape (n_samples, T)
        Phenotypes, NaN where missing; covariances are estimated from those of `rows`
        that have every trait.
    rows : ndarray of int
        Training rows.

    Attributes
    ----------
    covariances : Covariances
    n_complete : int
        Animals that they are estimated from.
    """

    def __init__(self, kernels: Kernels, Y: np.ndarray, rows: np.ndarray) -> None:
        complete = rows[np.isfinite(Y[rows]).all(axis=1)]
        contrasts = kernels.over(complete)
        self.kernels = kernels
        self.covariances = fit_covariances(Y[complete], contrasts)
        self.n_complete = len(complete)
        self._scales = np.where(contrasts.scales > 0, contrasts.scales, 1.0)

    def predict(self, Y: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict every animal from the records of some, at these covariances.

        Returns
        -------
        predicted : ndarray, shape (n_samples, T)
        effects : ndarray, shape (n_features, T)
            Of one training standard deviation of each feature.
        """
        use = rows[np.isfinite(Y[rows]).any(axis=1)]
        found = self.covariances
        # kernels without variance cost time and add nothing
        live = [k for k, S in enumerate(found.kernels) if S.any()]
        named = [(self.kernels.names[k], self._scales[k]) for k in live]
        found = replace(found, kernels=found.kernels[live])
        over = [self.kernels.block(name, use, use) / scale for name, scale in named]
        mean, weights = solve_jointly(Y[use], over, found)
        everyone = np.arange(len(Y))
        predicted = np.tile(mean, (len(Y), 1))
        effects = np.zeros((self.kernels.task.n_features, Y.shape[1]))
        for (name, scale), S in zip(named, found.kernels, strict=True):
            spread = np.zeros(Y.shape)
            spread[use] = weights @ S / scale
            predicted += self.kernels.block(name, everyone, use) @ spread[use]
            effects += self.kernels.effects_of(name, spread)
        return predicted, effects
