"""How often prediction intervals hold what they are for, and how wide they are."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

BY = ["dataset", "setting", "method", "trait"]


def interval_scores(
    observed: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> dict[str, float]:
    """Coverage and mean width of the intervals of n test animals.

    Parameters
    ----------
    observed, lower, upper : ndarray of float, shape (n,)
        In training standard deviations; animals with a missing observation count for
        the width only.

    Returns
    -------
    dict
        coverage (share of observations within their interval, bounds included) and
        interval_width; empty for methods without intervals (all bounds NaN).
    """
    if np.isnan(lower).all():
        return {}
    known = ~np.isnan(observed)
    inside = (lower[known] <= observed[known]) & (observed[known] <= upper[known])
    return {
        "coverage": float(inside.mean()) if len(inside) else float("nan"),
        "interval_width": float(np.mean(upper - lower)),
    }


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's (1927) score interval of a binomial share.

    Parameters
    ----------
    share : float
        Observed share of n draws.
    n : float
        Number of draws.
    level : float
        Confidence level.
    """
    z2 = ndtri((1 + level) / 2) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def coverage_frame(scores: pd.DataFrame) -> pd.DataFrame:
    """Coverage of each dataset, setting, method and trait.

    The pooled coverage counts every test phenotype alike. Each repeat tests the same
    animals again, so that its Wilson interval takes the animals of one repeat for n.

    Parameters
    ----------
    scores : DataFrame
        Long scores with coverage, interval_width and n_observed.

    Returns
    -------
    DataFrame
        dataset, setting, method, trait, then mean and sd of coverage and width over
        the n_runs runs, pooled, its Wilson bounds lower and upper, and n_animals.
    """
    chosen = scores[scores["metric"].isin(["coverage", "interval_width", "n_observed"])]
    keys = [*BY, "repeat", "fold"]
    wide = chosen.pivot_table("value", keys, "metric", sort=False).reset_index()
    if "coverage" not in wide:
        wide["coverage"] = np.nan
    rows = [
        dict(zip(BY, key, strict=True)) | _summary(part)
        for key, part in wide.dropna(subset="coverage").groupby(BY, sort=False)
    ]
    return pd.DataFrame(rows, columns=[*BY, *SUMMARY])


SUMMARY = (
    "coverage",
    "coverage_sd",
    "width",
    "width_sd",
    "n_runs",
    "pooled",
    "lower",
    "upper",
    "n_animals",
)


def _summary(runs: pd.DataFrame) -> dict[str, float]:
    covered, n = runs["coverage"] * runs["n_observed"], runs["n_observed"]
    pooled = covered.sum() / n.sum()
    n_animals = n.sum() / runs["repeat"].nunique()
    width = runs["interval_width"]
    values = (
        runs["coverage"].mean(),
        runs["coverage"].std(),
        width.mean(),
        # an infinite width has no spread
        width.std() if np.isfinite(width).all() else float("nan"),
        len(runs),
        pooled,
        *wilson(pooled, n_animals),
        round(n_animals),
    )
    return dict(zip(SUMMARY, values, strict=True))
