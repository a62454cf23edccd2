"""Prediction intervals from out-of-fold residuals: CV+ and split conformal.

Barber, Candès, Ramdas and Tibshirani (2021), Predictive inference with the jackknife+,
Annals of Statistics 49: 486-507. Nothing is assumed of the model or of the residuals'
distribution, only that calibration rows and new rows are exchangeable, and that the
model does not depend on the calibration rows. The methods here break the second: rows
that a member held out also stop its training early, and tune or weigh it. What that
costs is measured in tests/unit/test_conformal.py: of a nominal 0.9, at most 0.04 with
20 calibration rows and at most 0.02 with 100.
"""

import math
from collections.abc import Sequence

import numpy as np

from grvsnn.base.errors import InputError

COVERAGE = 0.9
"""Nominal coverage of the intervals in predictions.parquet."""

BLOCK = 2**22  # values sorted at a time, 32 MiB


def cv_plus(
    member_predicted: np.ndarray,
    residuals: np.ndarray,
    member_of_row: np.ndarray,
    coverage: float = COVERAGE,
) -> tuple[np.ndarray, np.ndarray]:
    r"""CV+ interval of new rows; with one member, the split conformal interval.

    With k(i) the member that did not see calibration row i and a = 1 - coverage, the
    bounds are order statistics of n values each:

    .. math::
        \lfloor a (n+1) \rfloor \text{-th smallest of } \mu_{k(i)}(x) - |R_i|, \quad
        \lceil (1-a) (n+1) \rceil \text{-th smallest of } \mu_{k(i)}(x) + |R_i|.

    Split conformal covers with probability of at least `coverage`; CV+ with at least
    2 coverage - 1 in the worst case (up to a term in 1/K), in practice about
    `coverage`; both where the rows calibrate and do nothing else.

    Parameters
    ----------
    member_predicted : ndarray, shape (K, n_new)
        New rows as each member predicts them.
    residuals : ndarray, shape (n_cal,)
        Residual of each calibration row under the member that did not see it; rows
        with NaN (no phenotype) are left out.
    member_of_row : ndarray of int, shape (n_cal,)
        That member, 0 to K - 1.
    coverage : float
        Nominal coverage, within [0.5, 1).

    Returns
    -------
    lower, upper : ndarray of float64, shape (n_new,)
        Infinite where the calibration rows are too few for the coverage: nine are
        needed for 0.9.
    """
    _check_coverage(coverage)
    known = ~np.isnan(residuals)
    size = np.abs(residuals[known])[:, None]
    member_of_row = member_of_row[known]
    n, n_new = len(size), member_predicted.shape[1]
    rank = _upper_rank(n, coverage)
    if rank > n:
        return np.full(n_new, -np.inf), np.full(n_new, np.inf)
    lower, upper = np.empty(n_new), np.empty(n_new)
    step = max(1, BLOCK // n)
    for start in range(0, n_new, step):
        block = slice(start, start + step)
        centre = member_predicted[:, block][member_of_row]
        # floor(a (n + 1)) = n + 1 - ceil((1 - a) (n + 1))
        lower[block] = np.partition(centre - size, n - rank, axis=0)[n - rank]
        upper[block] = np.partition(centre + size, rank - 1, axis=0)[rank - 1]
    return lower, upper


def member_intervals(
    member_predicted: np.ndarray,
    held_out: np.ndarray,
    Y: np.ndarray,
    member_of_row: np.ndarray,
    coverage: float = COVERAGE,
) -> np.ndarray:
    """CV+ intervals of every trait from members that each held some rows out.

    Parameters
    ----------
    member_predicted : ndarray, shape (K, n_new, T)
        New rows as each member predicts them.
    held_out : ndarray, shape (n_samples, T)
        Prediction of each row by the member that held it out; read only where
        `member_of_row` names one.
    Y : ndarray, shape (n_samples, T)
        Phenotypes, NaN where missing.
    member_of_row : ndarray of int, shape (n_samples,)
        Which member held each row out, 0 to K - 1; -1 for rows that none did.
    coverage : float
        Nominal coverage, within [0.5, 1).

    Returns
    -------
    ndarray of float64, shape (n_new, T, 2)
        Lower and upper bound, in the units of Y.
    """
    rows = np.flatnonzero(member_of_row >= 0)
    residuals = Y[rows] - held_out[rows]
    return trait_intervals(member_predicted, residuals, member_of_row[rows], coverage)


def holding_member(
    splits: Sequence[tuple[np.ndarray, np.ndarray]], n_samples: int
) -> np.ndarray:
    """Which member held each row out, shape (n_samples,); -1 for rows that none did.

    Parameters
    ----------
    splits : sequence of (ndarray, ndarray)
        (fit rows, held-out rows) of each member.
    n_samples : int
    """
    member_of_row = np.full(n_samples, -1)
    for member, (_, rows) in enumerate(splits):
        member_of_row[rows] = member
    return member_of_row


def trait_intervals(
    member_predicted: np.ndarray,
    residuals: np.ndarray,
    member_of_row: np.ndarray,
    coverage: float = COVERAGE,
) -> np.ndarray:
    """`cv_plus` for members' predictions (K, n_new, T) and residuals (n_cal, T).

    Returns
    -------
    ndarray of float64, shape (n_new, T, 2)
    """
    bounds = [
        cv_plus(member_predicted[:, :, t], residuals[:, t], member_of_row, coverage)
        for t in range(residuals.shape[1])
    ]
    return np.stack([np.stack(pair, axis=-1) for pair in bounds], axis=1)


def _upper_rank(n: int, coverage: float) -> int:
    """ceil(coverage (n + 1)), from 1, safe from products such as 63.000000000000007."""
    return math.ceil(coverage * (n + 1) - 1e-9)


def _check_coverage(coverage: float) -> None:
    # below one half the two order statistics could cross
    if not 0.5 <= coverage < 1:
        raise InputError(f"coverage: {coverage} is not within [0.5, 1)")
