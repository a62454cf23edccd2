"""Convergence of scalar traces: split R-hat and effective sample size.

Formulas as in Gelman et al., Bayesian Data Analysis (3rd ed.), section 11.4-11.5, with
Geyer's initial positive and monotone sequence of autocorrelations.
"""

import numpy as np


def split_chains(trace: np.ndarray) -> np.ndarray:
    """Halve every chain: (chains, draws) -> (2 chains, draws // 2)."""
    half = trace.shape[1] // 2
    return np.concatenate((trace[:, :half], trace[:, -half:]))


def rhat(trace: np.ndarray) -> float:
    """Split R-hat of a trace, shape (chains, draws); NaN below 4 draws."""
    if trace.shape[1] < 4:
        return float("nan")
    parts = split_chains(trace)
    n = parts.shape[1]
    within = parts.var(axis=1, ddof=1).mean()
    if within == 0:
        return 1.0 if np.ptp(parts) == 0 else float("inf")
    between = parts.mean(axis=1).var(ddof=1)
    return float(np.sqrt((n - 1) / n + between / within))


def effective_size(trace: np.ndarray) -> float:
    """Effective number of independent draws in a trace, shape (chains, draws)."""
    if trace.shape[1] < 4:
        return float("nan")
    parts = split_chains(trace)
    m, n = parts.shape
    covariance = _autocovariance(parts).mean(axis=0)
    within = covariance[0] * n / (n - 1)
    total = within * (n - 1) / n + parts.mean(axis=1).var(ddof=1)
    if total == 0:
        return float(m * n)
    rho = 1 - (within - covariance * n / (n - 1)) / total
    rho[0] = 1.0
    pairs = rho[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs < 0)) if (pairs < 0).any() else len(pairs)
    tau = 2 * np.minimum.accumulate(pairs[:stop]).sum() - 1
    return float(m * n / max(tau, 1 / np.log10(m * n)))


def _autocovariance(parts: np.ndarray) -> np.ndarray:
    """Biased autocovariances at all lags, per row, by the fast Fourier transform."""
    n = parts.shape[1]
    centred = parts - parts.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * n, axis=1)
    return np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :n] / n
