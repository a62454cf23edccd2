"""Restricted maximum likelihood for one trait and any number of kernels.

The model of n observed phenotypes is

    y = mu 1 + g_1 + ... + g_k + e,   g_k ~ N(0, s_k K_k),   e ~ N(0, s_e I).

The REML likelihood (Patterson and Thompson, 1971) is the ordinary likelihood of n - 1
orthonormal contrasts U'y, U'1 = 0. Taking for U the eigenvectors of the first kernel
within the contrasts makes that kernel a diagonal, and every other kernel, held as a
factor K_k = F_k F_k', enters by the Woodbury identity: an evaluation costs n m^2
for m columns of factors, never n^3, and the decomposition serves every trait that is
observed on the same animals.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, eigh, solve_triangular
from scipy.optimize import brentq

# the residual's smallest share of the variance; keeps V invertible
RESIDUAL_FLOOR = 1e-5
MAX_ITERATIONS = 100
_RATIO_GRID = np.concatenate(
    [[0.0], np.geomspace(1e-4, 0.05, 12), np.linspace(0.06, 1.0 - RESIDUAL_FLOOR, 80)]
)
_START_SHARES = (0.02, 0.15, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Kernels seen through the n - 1 contrasts that diagonalise the first of them.

    Attributes
    ----------
    basis : ndarray, shape (n, n - 1)
        Orthonormal contrasts U: U'U = I, U'1 = 0.
    spectrum : ndarray, shape (n - 1,)
        Eigenvalues of the first kernel, divided by `scales[0]`.
    factors : ndarray, shape (n - 1, m)
        U'F of the other kernels side by side, each divided by the root of its scale.
    blocks : tuple of slice
        Columns of `factors` that belong to each of the other kernels.
    scales : ndarray, shape (k,)
        Mean diagonal of every kernel within the contrasts, tr(U'K U)/(n - 1); 0 for a
        kernel that does not tell these animals apart.
    """

    basis: np.ndarray
    spectrum: np.ndarray
    factors: np.ndarray
    blocks: tuple[slice, ...]
    scales: np.ndarray

    @property
    def n_kernels(self) -> int:
        """Number of kernels, the residual not counted."""
        return len(self.scales)


@dataclass(frozen=True, eq=False)
class RemlFit:
    """Optimum of the REML likelihood of one trait.

    Attributes
    ----------
    variances : ndarray, shape (k,)
        Variance component of every kernel, on the kernel's own scale; never negative.
    residual : float
        Residual variance s_e.
    shares : ndarray, shape (k,)
        Share of the trait's variance due to every kernel,
        s_k c_k / (sum_l s_l c_l + s_e) with c_k the kernel's mean diagonal.
    projected : ndarray, shape (n,)
        P y = V^-1 (y - mu 1): the genetic values of any animals are
        sum_k s_k K_k[animals, observed] P y.
    log_likelihood : float
        Restricted log-likelihood at the optimum.
    iterations : int
        Newton steps (several kernels) or 1 (one kernel).
    converged : bool
        Whether the gradient test was met.
    """

    variances: np.ndarray
    residual: float
    shares: np.ndarray
    projected: np.ndarray
    log_likelihood: float
    iterations: int
    converged: bool

    @property
    def h2(self) -> float:
        """Share of the variance that the kernels explain together."""
        return float(self.shares.sum())


def build_contrasts(
    kernel: np.ndarray, factors: Sequence[np.ndarray] = ()
) -> Contrasts:
    """Diagonalise the first kernel within the contrasts and rotate the others.

    Parameters
    ----------
    kernel : ndarray, shape (n, n)
        First kernel over the observed animals.
    factors : sequence of ndarray, each of shape (n, m_k)
        F_k of every other kernel K_k = F_k F_k'.

    Returns
    -------
    Contrasts
        All that does not depend on the phenotypes.
    """
    return rotate_kernels(contrast_eigenvectors(kernel), factors)


def rotate_kernels(
    leading: tuple[np.ndarray, np.ndarray], factors: Sequence[np.ndarray] = ()
) -> Contrasts:
    """Rotate all kernels into the contrasts that diagonalise the first.

    Parameters
    ----------
    leading : tuple of ndarray
        `contrast_eigenvectors` of the first kernel over the observed animals.
    factors : sequence of ndarray, each of shape (n, m_k)
        F_k of every other kernel K_k = F_k F_k'.

    Returns
    -------
    Contrasts
        All that does not depend on the phenotypes.
    """
    basis, values = leading
    rotated = [_rotate(basis, factor) for factor in factors]
    scales = np.array(
        [values.mean(), *((part**2).sum() / len(values) for part in rotated)]
    )
    inverse = np.divide(1.0, scales, out=np.zeros_like(scales), where=scales > 0)
    parts = [part * np.sqrt(c) for part, c in zip(rotated, inverse[1:], strict=True)]
    ends = np.cumsum([0, *(part.shape[1] for part in parts)])
    return Contrasts(
        basis=basis,
        spectrum=values * inverse[0],
        factors=np.hstack([np.empty((len(values), 0)), *parts]),
        blocks=tuple(slice(a, b) for a, b in itertools.pairwise(ends)),
        scales=scales,
    )


def contrast_eigenvectors(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenpairs of the doubly centred kernel, without the vector of ones.

    Parameters
    ----------
    kernel : ndarray, shape (n, n)
        Positive semidefinite; a constant added to its rows and columns (another
        centring of the markers) changes nothing.

    Returns
    -------
    basis, values : ndarray, shapes (n, n - 1) and (n - 1,)
    """
    kernel = np.asarray(kernel, dtype=np.float64)
    n = len(kernel)
    row_mean = kernel.mean(axis=0)
    centred = kernel - row_mean - row_mean[:, None] + row_mean.mean()
    # lift the constant vector above all others, so that it comes last and unmixed
    centred += (2.0 * np.trace(centred) + 1.0) / n
    values, vectors = eigh(centred, overwrite_a=True, check_finite=False)
    values = values[:-1]
    # rounding leaves tiny eigenvalues of either sign where the kernel has none
    values[values < values.max(initial=0.0) * n * np.finfo(float).eps] = 0.0
    return vectors[:, :-1], values


def _rotate(basis: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Factor within the contrasts; 0 where no more than rounding is left of it.

    Rounding differs from machine to machine, and scaled to the size of a kernel it
    would get a variance.
    """
    part = basis.T @ factor
    noise = len(factor) * np.finfo(float).eps * (factor**2).sum()
    return _thin(part if (part**2).sum() > noise else np.zeros_like(part))


def _thin(factor: np.ndarray) -> np.ndarray:
    """Factor of the same kernel with no more columns than rows."""
    if factor.shape[1] <= factor.shape[0]:
        return factor
    return np.linalg.qr(factor.T, mode="r").T


def fit_reml(
    y: np.ndarray,
    contrasts: Contrasts,
    max_iterations: int = MAX_ITERATIONS,
    start: Sequence[float] | None = None,
) -> RemlFit:
    """Maximise the restricted likelihood of one trait.

    One kernel is solved exactly, by its likelihood profiled down to one variance ratio;
    several by average-information Newton steps (Gilmour, Thompson and Cullis, 1995).

    Parameters
    ----------
    y : ndarray, shape (n,)
        Phenotypes of the animals the contrasts were built on, without gaps.
    contrasts : Contrasts
        The kernels.
    max_iterations : int
        Limit of Newton steps.
    start : sequence of float, optional
        Variance shares of the kernels to start from; by default a coarse grid is
        searched, whose size grows as a power of the number of kernels.

    Returns
    -------
    RemlFit
        Variance components and P y.
    """
    if contrasts.n_kernels == 1:
        return fit_profile(y, contrasts)
    return fit_average_information(y, contrasts, max_iterations, start)


def fit_profile(y: np.ndarray, contrasts: Contrasts) -> RemlFit:
    """One kernel: the root of the profile likelihood's slope in h = s_1/(s_1 + s_e).

    With d the normalised spectrum and v = h d + 1 - h, the total variance profiles out
    as mean(r^2 / v), and  l(h) = -1/2 [(n - 1) log mean(r^2 / v) + sum log v].
    """
    r = _project(y, contrasts)
    h = 0.0
    if contrasts.scales[0] > 0 and r.any():
        h = _best_ratio(r**2, contrasts.spectrum)
    v = h * contrasts.spectrum + 1.0 - h
    total = float(np.mean(r**2 / v))
    components = total * np.array([h, 1.0 - h])
    return _summarise(r, contrasts, components, iterations=1, converged=True)


def _project(y: np.ndarray, contrasts: Contrasts) -> np.ndarray:
    """Contrasts U'y; a trait that is constant up to rounding gives exact zeros."""
    r = contrasts.basis.T @ (y - y.mean())
    rounding = 8.0 * np.finfo(float).eps * np.abs(y).max()
    return r if np.sqrt(np.mean(r**2)) > rounding else np.zeros_like(r)


def _best_ratio(r2: np.ndarray, spectrum: np.ndarray) -> float:
    """Global maximum of the profile likelihood over a grid, polished to its root."""
    shift = spectrum - 1.0

    def slope(h: float) -> float:
        v = 1.0 + h * shift
        weights = r2 / v
        return float((weights * shift / v).mean() / weights.mean() - (shift / v).mean())

    v = 1.0 + _RATIO_GRID[:, None] * shift
    height = -np.log((r2 / v).mean(axis=1)) - np.log(v).mean(axis=1)
    best = int(height.argmax())
    low = _RATIO_GRID[max(best - 1, 0)]
    high = _RATIO_GRID[min(best + 1, len(_RATIO_GRID) - 1)]
    if slope(low) <= 0.0:
        return float(low)
    if slope(high) >= 0.0:
        return float(high)
    return float(brentq(slope, low, high, xtol=1e-14, rtol=1e-14))


def fit_average_information(
    y: np.ndarray,
    contrasts: Contrasts,
    max_iterations: int = MAX_ITERATIONS,
    start: Sequence[float] | None = None,
) -> RemlFit:
    """Any number of kernels: Newton ascent with the average information matrix.

    Starts at the best point of a coarse grid of variance shares, or at `start`. A step
    is cut where a component reaches 0; it stays there while the gradient points below
    0. Steps are halved until the likelihood rises, so the ascent is monotone.
    """
    r = _project(y, contrasts)
    spread = float(np.mean(r**2))
    usable = contrasts.scales > 0
    if spread == 0.0 or not usable.any():
        components = np.append(np.zeros(contrasts.n_kernels), spread)
        return _summarise(r, contrasts, components, iterations=0, converged=True)
    model = _Likelihood(r / np.sqrt(spread), contrasts)
    first = _best_start(model, usable) if start is None else _begin(model, start)
    s, iterations, converged = _ascend(model, first, usable, max_iterations)
    return _summarise(r, contrasts, s * spread, iterations, converged)


def _ascend(
    model: "_Likelihood", s: np.ndarray, usable: np.ndarray, max_iterations: int
) -> tuple[np.ndarray, int, bool]:
    """Active-set Newton ascent; returns components, steps taken and convergence."""
    floor = np.append(np.zeros(len(usable)), RESIDUAL_FLOOR)
    allowed = np.append(usable, True)
    height = model.value(s)
    for iteration in range(max_iterations):
        gradient, information = model.derivatives(s)
        step = _direction(gradient, information, allowed, s <= floor)
        # gain of a full step, in units of log-likelihood
        if gradient @ step < 1e-11:
            return s, iteration, True
        candidate = _line_search(model, s, step, floor, height)
        if candidate is None:
            # no rise is left at the precision of the likelihood itself
            return s, iteration, bool(gradient @ step < 1e-6)
        s, height = candidate
    return s, max_iterations, False


def _line_search(
    model: "_Likelihood",
    s: np.ndarray,
    step: np.ndarray,
    floor: np.ndarray,
    height: float,
) -> tuple[np.ndarray, float] | None:
    """Longest of the halved steps, cut at the first bound, that raises the value."""
    down = step < 0.0
    room = np.full_like(s, np.inf)
    room[down] = (floor[down] - s[down]) / step[down]
    length = min(1.0, float(room.min()))
    hits = down & (room <= length)
    for halving in range(40):
        candidate = np.maximum(s + length * step, floor)
        if halving == 0:
            candidate[hits] = floor[hits]
        value = model.value(candidate)
        if value > height:
            return candidate, value
        length /= 2.0
    return None


def _direction(
    gradient: np.ndarray,
    information: np.ndarray,
    allowed: np.ndarray,
    at_bound: np.ndarray,
) -> np.ndarray:
    """Newton step over the components that may move; zero for all others.

    A component at its bound moves only where both its gradient and its step point
    inwards.
    """
    free = allowed & ~(at_bound & (gradient <= 0.0))
    while True:
        step = np.zeros_like(gradient)
        if not free.any():
            return step
        step[free] = _newton_step(information[np.ix_(free, free)], gradient[free])
        outward = at_bound & (step < 0.0)
        if not outward.any():
            return step
        free &= ~outward


def _newton_step(information: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Newton step; a whiff of ridge separates kernels that are copies of each other."""
    ridge = 1e-9 * np.trace(information) / len(information)
    return np.linalg.solve(information + ridge * np.eye(len(information)), gradient)


def _best_start(model: "_Likelihood", usable: np.ndarray) -> np.ndarray:
    """Best of a coarse grid over the simplex of variance shares."""
    kernels = np.flatnonzero(usable)
    best, best_value = None, -np.inf
    for shares in itertools.product(_START_SHARES, repeat=len(kernels)):
        if sum(shares) > 0.95:
            continue
        s = np.zeros(len(usable) + 1)
        s[kernels] = shares
        s[-1] = 1.0 - sum(shares)
        total, value = model.best_scale(s)
        if value > best_value:
            best, best_value = s * total, value
    return best


def _begin(model: "_Likelihood", shares: Sequence[float]) -> np.ndarray:
    """Components at given shares, on the scale that suits them best."""
    kernels = np.clip(np.asarray(shares, dtype=float), 0.0, None)
    kernels *= min(1.0, 0.95 / max(kernels.sum(), 1e-12))
    s = np.append(kernels, 1.0 - kernels.sum())
    return s * model.best_scale(s)[0]


class _Likelihood:
    """Log-likelihood of contrasts r ~ N(0, V(s)), with its derivatives.

    V = diag(s_1 d + s_e) + sum_k s_k F_k F_k' = D + F S^2 F'. With A = F'D^-1 F and
    C = I + S A S = L L', the inverse is D^-1 - T'T for T = L^-1 S F'D^-1.
    """

    def __init__(self, r: np.ndarray, contrasts: Contrasts) -> None:
        self.r = r
        self.d = contrasts.spectrum
        self.F = contrasts.factors
        self.blocks = contrasts.blocks

    def value(self, s: np.ndarray) -> float:
        """Log-likelihood at components s = (s_1, ..., s_k, s_e)."""
        logdet, w = self._solve(s)[:2]
        n = len(self.r)
        return -0.5 * float(n * np.log(2.0 * np.pi) + logdet + self.r @ w)

    def weights(self, s: np.ndarray) -> np.ndarray:
        """V^-1 r."""
        return self._solve(s)[1]

    def best_scale(self, s: np.ndarray) -> tuple[float, float]:
        """Factor of V that maximises the likelihood, r'V^-1 r / n, and its value."""
        logdet, w = self._solve(s)[:2]
        n = len(self.r)
        total = float(self.r @ w) / n
        height = -0.5 * (n * np.log(2.0 * np.pi * total) + logdet + n)
        return total, float(height)

    def derivatives(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient, and average information 1/2 w'K_i V^-1 K_j w with w = V^-1 r."""
        _, w, D, SA, L = self._solve(s)
        S = self._roots(s)
        T = solve_triangular(
            L, S[:, None] * (self.F / D[:, None]).T, lower=True, check_finite=False
        )
        half = solve_triangular(L, SA, lower=True, check_finite=False)
        inverse_diagonal = 1.0 / D - (T**2).sum(axis=0)
        trace_A = ((self.F**2) / D[:, None]).sum(axis=0)
        column_trace = trace_A - (half**2).sum(axis=0)
        traces = [self.d @ inverse_diagonal]
        applied = [self.d * w]
        for block in self.blocks:
            traces.append(column_trace[block].sum())
            applied.append(self.F[:, block] @ (self.F[:, block].T @ w))
        traces.append(inverse_diagonal.sum())
        applied.append(w)
        B = np.column_stack(applied)
        gradient = 0.5 * (B.T @ w - np.array(traces))
        TB = T @ B
        information = 0.5 * (B.T @ (B / D[:, None]) - TB.T @ TB)
        return gradient, information

    def _roots(self, s: np.ndarray) -> np.ndarray:
        """Diagonal of S: the root of each factor column's variance component."""
        roots = np.empty(self.F.shape[1])
        for component, block in zip(s[1:-1], self.blocks, strict=True):
            roots[block] = np.sqrt(component)
        return roots

    def _solve(
        self, s: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Log-determinant of V, V^-1 r, D, S A and the Cholesky factor of C."""
        D = s[0] * self.d + s[-1]
        S = self._roots(s)
        scaled = self.F / np.sqrt(D)[:, None]
        SA = S[:, None] * (scaled.T @ scaled)
        C = SA * S + np.eye(len(S))
        L = np.linalg.cholesky(C)
        u = self.r / D
        inner = cho_solve((L, True), S * (self.F.T @ u), check_finite=False)
        w = u - (self.F @ (S * inner)) / D
        logdet = np.log(D).sum() + 2.0 * np.log(np.diag(L)).sum()
        return logdet, w, D, SA, L


def _summarise(
    r: np.ndarray,
    contrasts: Contrasts,
    components: np.ndarray,
    iterations: int,
    converged: bool,
) -> RemlFit:
    """Back to the kernels' own scale and to the animals."""
    total = components.sum()
    shares = components[:-1] / total if total > 0 else np.zeros(contrasts.n_kernels)
    scales = contrasts.scales
    variances = np.divide(
        components[:-1], scales, out=np.zeros_like(scales), where=scales > 0
    )
    model = _Likelihood(r, contrasts)
    degenerate = components[-1] <= 0.0
    w = np.zeros_like(r) if degenerate else model.weights(components)
    return RemlFit(
        variances=variances,
        residual=float(components[-1]),
        shares=shares,
        projected=contrasts.basis @ w,
        log_likelihood=np.nan if degenerate else model.value(components),
        iterations=iterations,
        converged=converged,
    )
