"""Bayesian ridge regression without sampling: one eigendecomposition and a grid.

With X centred and K = XX' = U diag(d) U' over a chain's rows, the marginal density of
both variances is a product over eigenvectors (intercept and effects integrated out),

    log p(varE, varB | y) = -1/2 sum_k [log v_k + r_k^2 / v_k] + log priors,
    v_k = varB d_k + varE,  r_k = u_k'y,

without the null vector that centring leaves. A grid in the logarithms of l = varE/varB
and varB averages the ridge solutions: with weights W,

    E[b]     = X'U diag(E_W[1 / (d + l)]) r
    Var[b_j] = E_W[varB] - sum_k (x_j'u_k)^2 E_W[varB / (d_k + l)]
               + Var_W(sum_k (x_j'u_k) r_k / (d_k + l)).
"""

from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from scipy import optimize

from grvsnn.models.gibbs.design import BLOCK, Design
from grvsnn.models.gibbs.lanes import Scaling, Target
from grvsnn.models.gibbs.posterior import Posterior
from grvsnn.models.gibbs.priors import DF, Prior

POINTS = 61
SPAN = 9.0  # grid's half width in curvature standard deviations
NEGLIGIBLE = 1e-9  # directions of the ridge solutions' spread left out, relative


class Spectrum:
    """Eigenvalues d and eigenvectors U of XX' over the rows in use.

    With two terms the kernel is X_1 X_1' + rho X_2 X_2'; see `decompose`.
    """

    def __init__(self, design: Design, target: Target, scaling: Scaling):
        self.design, self.scaling, self.patch = design, scaling, target.patch
        self.rows = np.flatnonzero(target.used)
        self.factors = (1.0,) * design.n_terms
        self.kernels = np.zeros((design.n_terms, len(self.rows), len(self.rows)))
        for block in range(design.n_blocks):
            x = self.standardised(block)
            self.kernels[design.term[block]] += x @ x.T
        self.decompose(self.factors)

    def decompose(self, factors: Sequence[float]) -> None:
        """Multiply the terms' kernels by `factors`, their features by the roots."""
        self.factors = tuple(factors)
        kernel = factors[0] * self.kernels[0]
        for factor, other in zip(factors[1:], self.kernels[1:], strict=True):
            kernel += factor * other
        # Centring leaves the constant vector with eigenvalue 0, as others may have:
        # made the largest, it can be told from them and dropped.
        kernel += 2 * (np.trace(kernel) + 1.0) / len(kernel)
        values, vectors = np.linalg.eigh(kernel)
        self.values = np.maximum(values[:-1], 0.0)
        self.vectors = vectors[:, :-1]

    def standardised(self, block: int) -> np.ndarray:
        """Return a block of standardised features, shape (rows in use, 32)."""
        at = slice(block * BLOCK, (block + 1) * BLOCK)
        x = self.design.block(block)
        x = self.patch.apply(x, block) if self.patch else x
        x = x[self.rows].astype(np.float64)
        return (
            (x - self.scaling.mean[at]) / self.scaling.sd[at] * self.scaling.active[at]
        )


class Integral:
    """One phenotype's averages over the grid of both variances."""

    def __init__(
        self,
        spectrum: Spectrum,
        y: np.ndarray,
        prior: Prior,
        factors: Sequence[float] = (1.0,),
    ):
        self.intercept = float(y.mean())
        r = spectrum.vectors.T @ (y - self.intercept)
        ratio, var_b, weights, self.log_evidence = variance_grid(
            spectrum.values, r, prior, factors
        )
        resolvent = 1 / (spectrum.values + ratio[:, None])
        marginal = weights.sum(axis=1)
        self.var_b = float((weights * var_b).sum())
        self.mean = (marginal @ resolvent) * r
        self.shrunk = (weights * var_b).sum(axis=1) @ resolvent
        self.moments = {"varE": _moments(ratio[:, None] * var_b, weights)}
        for number, factor in enumerate(factors, start=1):
            name = "varB" if len(factors) == 1 else f"varB_{number}"
            self.moments[name] = _moments(factor * var_b, weights)
        # The ridge solutions lie on a smooth curve in the ratio, so that their spread
        # has few directions that matter.
        spread = (resolvent * r - self.mean) * np.sqrt(marginal)[:, None]
        _, size, directions = np.linalg.svd(spread, full_matrices=False)
        keep = size > NEGLIGIBLE * max(size[0], np.finfo(float).tiny)
        self.directions = directions[keep].T * size[keep]

    def effects(self, projected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of effects from x_j'u_k, shape (features, n - 1)."""
        variance = self.var_b - projected**2 @ self.shrunk
        variance += ((projected @ self.directions) ** 2).sum(axis=1)
        return projected @ self.mean, variance


def effect_moments(
    spectrum: Spectrum, integrals: Sequence[Integral]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation of all slots' effects, for every phenotype."""
    design = spectrum.design
    mean = np.empty((len(integrals), design.n_slots))
    variance = np.empty_like(mean)
    for block in range(design.n_blocks):
        at = slice(block * BLOCK, (block + 1) * BLOCK)
        root = np.sqrt(spectrum.factors[design.term[block]])
        projected = spectrum.standardised(block).T @ spectrum.vectors * root
        for row, integral in enumerate(integrals):
            centre, spread = integral.effects(projected)
            mean[row, at], variance[row, at] = root * centre, root**2 * spread
    sd = np.sqrt(np.maximum(variance, 0.0)) * spectrum.scaling.active
    return list(zip(mean, sd, strict=True))


def make_posterior(
    spectrum: Spectrum,
    intercept: float,
    moments: dict[str, dict[str, float]],
    effect: np.ndarray,
    sd: np.ndarray,
    interval: float,
) -> Posterior:
    """Put a posterior's parts into the features' own order."""
    design, scaling = spectrum.design, spectrum.scaling
    slots = design.slots
    half = NormalDist().inv_cdf(0.5 + interval / 2) * sd[slots]
    return Posterior(
        effect=effect[slots],
        sd=sd[slots],
        lower=effect[slots] - half,
        upper=effect[slots] + half,
        pip=scaling.active[slots].astype(float),
        intercept=intercept,
        centre=design.origin + design.unit * scaling.mean[slots],
        scale=design.unit * scaling.sd[slots],
        moments=moments,
    )


def _moments(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    mean = float((weights * values).sum())
    return {"mean": mean, "sd": float(np.sqrt((weights * (values - mean) ** 2).sum()))}


def variance_grid(
    values: np.ndarray, r: np.ndarray, prior: Prior, factors: Sequence[float] = (1.0,)
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Grid over both variances with posterior weights.

    The axes are l = varE/varB, on which alone the sums over eigenvectors depend, and
    varB around its conditional centre.

    Parameters
    ----------
    values, r : ndarray, shape (n - 1,)
        Eigenvalues of XX' and projections u_k'y.
    prior : Prior
        Of the residual variance and the terms.
    factors : sequence of float
        The terms' variances of effects, in units of varB.

    Returns
    -------
    ratio : ndarray, shape (points,)
        l on the grid.
    var_b, weights : ndarray, shape (points, points)
        varB and posterior weight at every (l, varB); weights sum to 1.
    log_evidence : float
        Logarithm of the density's integral, up to a constant of the priors.
    """

    def log_density(log_ratio: np.ndarray, log_b: np.ndarray) -> np.ndarray:
        """Density of (log l, log varB); log_b has an axis of its own behind."""
        ratio = np.exp(log_ratio)
        resolvent = values + ratio[:, None]
        determinant = np.log(resolvent).sum(axis=1)[:, None]
        square = (r**2 / resolvent).sum(axis=1)[:, None]
        b = np.exp(log_b)
        e = ratio[:, None] * b
        fit = -0.5 * (len(r) * log_b + determinant + square / b)
        # scaled inverse chi-squares of varE and varB, as densities of the logarithms
        fit -= DF / 2 * np.log(e) + prior.scale_e / (2 * e)
        for term, factor in zip(prior.terms, factors, strict=True):
            logs = log_b + np.log(factor)
            fit -= DF / 2 * logs + term.scale_b / (2 * factor * b)
        return fit

    def loss(point: np.ndarray) -> float:
        return -log_density(point[:1], point[1:][None]).item()

    var_b = prior.terms[0].start_var_b
    start = np.log([prior.start_var_e / var_b, var_b])
    mode = optimize.minimize(
        loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-8}
    ).x
    # lower triangular: the first axis moves both, the second varB alone
    axes = np.linalg.cholesky(np.linalg.inv(_hessian(loss, mode)))
    steps = np.linspace(-SPAN, SPAN, POINTS)
    log_ratio = mode[0] + axes[0, 0] * steps
    log_b = mode[1] + axes[1, 0] * steps[:, None] + axes[1, 1] * steps
    logs = log_density(log_ratio, log_b)
    weights = np.exp(logs - logs.max())
    total = weights.sum()
    log_evidence = float(logs.max() + np.log(total * axes[0, 0] * axes[1, 1]))
    return np.exp(log_ratio), np.exp(log_b), weights / total, log_evidence


def _hessian(
    loss: Callable[[np.ndarray], float], point: np.ndarray, step: float = 1e-3
) -> np.ndarray:
    """Matrix of second derivatives by central differences."""
    shifts = np.eye(len(point)) * step
    corners = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
    return np.array(
        [
            [
                sum(s * loss(point + u * di + v * dj) for u, v, s in corners)
                for dj in shifts
            ]
            for di in shifts
        ]
    ) / (4 * step**2)
