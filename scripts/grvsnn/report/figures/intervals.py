"""Means over cross-validation runs with intervals that know the runs overlap."""

import numpy as np
import pandas as pd

from grvsnn.scoring.comparisons import correlated_t

BOUNDS = dict.fromkeys(
    ("r", "spearman", "accuracy_genetic", "accuracy_breeding"), (-1.0, 1.0)
)
"""Values that a metric cannot leave; the t interval of two runs would."""


def mean_intervals(scores: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean and 95 % interval of `value` in each group.

    The interval is that of the corrected resampled t
    (`grvsnn.scoring.comparisons.correlated_t`) with rho = 1/K for K folds; without it,
    ten repeats of the same animals would look like ten samples.

    Parameters
    ----------
    scores : DataFrame
        Long scores of one metric: repeat, fold, metric, value and `by`.
    by : list of str
        Grouping columns.

    Returns
    -------
    DataFrame
        `by`, mean, lower, upper, n; groups without a defined value are left out.
    """
    rows = []
    metric = scores["metric"].iloc[0] if len(scores) else ""
    bounds = BOUNDS.get(metric, (-np.inf, np.inf))
    for key, part in scores.groupby(by, sort=False, observed=True):
        folds = part["fold"].nunique()
        result = correlated_t(part["value"], rho=1 / folds if folds > 1 else 0.0)
        if not np.isnan(result.difference):
            ends = np.clip([result.lower, result.upper], *bounds)
            values = [result.difference, *ends, result.n]
            names = ["mean", "lower", "upper", "n"]
            rows.append(dict(zip([*by, *names], [*key, *values], strict=True)))
    return pd.DataFrame(rows, columns=[*by, "mean", "lower", "upper", "n"])
