"""Stacking: a weighted sum of predictors, by their predictions of held-out rows."""

import numpy as np
from scipy.optimize import nnls

REML_PART = "reml"
"""Name of the first part of grvsnn_plus: all its kernels together."""


def earn_weights(
    held_out: np.ndarray, y: np.ndarray, standard_errors: float = 2.0
) -> np.ndarray:
    """Weights of predictors, where a mixture must beat the first one alone.

    Non-negative least squares over all predictors competes with the first one alone at
    weight 1. It wins only if it lowers the mean squared error by more than
    `standard_errors` standard errors of the paired difference: early stopping and the
    weights both read the held-out rows, which flatters what is fitted there. In a
    mixture that has won the first predictor has no privilege left; its weight may be
    0. Kept at weight 1, it would shrink large effects that others have in full.

    Parameters
    ----------
    held_out : ndarray, shape (n_predictors, n_samples)
        NaN in rows that were not held out.
    y : ndarray, shape (n_samples,)
        Phenotype, NaN where missing.
    standard_errors : float
        Demand on the improvement.

    Returns
    -------
    ndarray, shape (n_predictors,)
    """
    alone = np.zeros(len(held_out))
    alone[0] = 1.0
    known = np.isfinite(y) & np.isfinite(held_out).all(axis=0)
    if known.sum() < 2:
        return alone
    Z, y = held_out[:, known].T, y[known]
    weights = nnls(Z, y)[0]
    if not weights[1:].any():
        return alone
    gain = (y - Z[:, 0]) ** 2 - (y - Z @ weights) ** 2
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return weights if gain.mean() > standard_errors * error else alone
