"""Distance correlation of two vectors in O(n log n), in numpy alone.

Written for scoring jobs of a second: importing the package `dcor` compiles code for
ten. The tests hold this against that package and against the definition.
"""

import numpy as np


def distance_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Sample distance correlation (the V-statistic).

    With a_ij = |x_i - x_j|, b_ij = |y_i - y_j| and bars for means over the dotted
    index, dCov^2 = mean(a b) - 2 mean_i(a_i. b_i.) + a.. b.., and dCor^2 is dCov^2
    over the root of the product of both dVar^2. Székely, Rizzo & Bakirov (2007),
    doi:10.1214/009053607000000505; the order n log n after Huo & Székely (2016),
    doi:10.1080/00401706.2015.1054435.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)

    Returns
    -------
    float
        In [0, 1]; 0 when either vector is constant. Positive even for independent
        vectors, of order n^(-1/2).
    """
    x, y = _standardised(x), _standardised(y)
    if x is None or y is None:
        return 0.0
    row_x, row_y = _mean_distances(x), _mean_distances(y)
    covariance = _squared(_mean_product(x, y), row_x, row_y)
    # mean of (x_i - x_j)^2 over all pairs is twice the variance, which is 1
    variances = _squared(2.0, row_x, row_x) * _squared(2.0, row_y, row_y)
    return float(np.sqrt(min(1.0, max(0.0, covariance) / np.sqrt(variances))))


def _standardised(values: np.ndarray) -> np.ndarray | None:
    """Centre and scale, which dCor ignores and rounding likes; None when constant."""
    values = np.asarray(values, dtype=float)
    values = values - values.mean()
    sd = values.std()
    return values / sd if sd > 0 else None


def _squared(product: float, row_x: np.ndarray, row_y: np.ndarray) -> float:
    """Squared distance covariance from its three terms."""
    return product - 2 * float(np.mean(row_x * row_y)) + row_x.mean() * row_y.mean()


def _mean_distances(values: np.ndarray) -> np.ndarray:
    """Mean distance of each value to all values, by one sort."""
    n = len(values)
    order = np.argsort(values)
    ascending = values[order]
    below = np.cumsum(ascending) - ascending
    sums = ascending * (2 * np.arange(n) - n) + ascending.sum() - 2 * below
    out = np.empty(n)
    out[order] = sums / n
    return out


def _mean_product(x: np.ndarray, y: np.ndarray) -> float:
    """Mean of |x_i - x_j| |y_i - y_j| over all pairs of centred vectors.

    With i before j in the order of x, the product is (x_j - x_i)(y_j - y_i), negated
    where y_i > y_j; so its sum is twice the concordant part less the whole.
    """
    order = np.argsort(x)
    x, y = x[order], y[order]
    whole = len(x) * (x @ y) - x.sum() * y.sum()
    return 2 * (2 * _concordant(x, y) - whole) / len(x) ** 2


def _concordant(x: np.ndarray, y: np.ndarray) -> float:
    """Sum of (x_j - x_i)(y_j - y_i) over i < j with y_i <= y_j, x ascending.

    A merge sort by y from the bottom up, all blocks of a level at once: i is in the
    left half of a block and j in the right half at exactly one level, where i comes
    before j in the block's order of y if y_i <= y_j.
    """
    size = 1 << (len(x) - 1).bit_length()
    # the sums that the product expands into; zeros pad to a power of two
    terms = np.zeros((4, size))
    terms[:, : len(x)] = np.ones_like(x), x, y, x * y
    total, half = 0.0, 1
    while half < size:
        blocks = terms.reshape(4, -1, 2 * half)
        order = np.argsort(blocks[2], axis=1, kind="stable")
        blocks = np.take_along_axis(blocks, order[None], axis=2)
        left = order < half
        one, sum_x, sum_y, sum_xy = np.cumsum(blocks * left, axis=2)
        count, x_j, y_j, xy_j = blocks * ~left
        total += np.sum(xy_j * one - x_j * sum_y - y_j * sum_x + count * sum_xy)
        terms = blocks.reshape(4, size)
        half *= 2
    return float(total)
