"""Tests of paired differences between methods that share their cross-validation runs.

Runs of repeated K-fold cross-validation overlap in their training rows, so their
scores are correlated and an ordinary paired t-test finds differences far too often.
Both tests here widen the variance by the correlation rho = n_test / n, which is 1/K.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from grvsnn.base.labels import (
    METRICS,
)

RUN = ["repeat", "fold"]
TOLERANCE = 1e-6
"""Share of the scores, or of 1, up to which they are equal: fits converge to that."""


@dataclass(frozen=True)
class Comparison:
    """Result of testing n paired differences d = method - reference.

    Parameters
    ----------
    n : int
        Number of runs.
    difference, sd : float
        Mean and SD (n - 1) of the differences.
    t, p : float
        Corrected resampled t statistic and its two-sided p value.
    lower, upper : float
        Limits of the 95 % interval of the mean difference; also the central 95 % of
        the Bayesian posterior, which is the same Student t distribution.
    p_below, p_rope, p_above : float
        Posterior probability that the mean difference lies below, within, above the
        region of practical equivalence.
    """

    n: int
    difference: float
    sd: float
    t: float
    p: float
    lower: float
    upper: float
    p_below: float
    p_rope: float
    p_above: float


def correlated_t(
    differences: np.ndarray,
    rho: float,
    rope: float = 0.01,
    level: float = 0.95,
    scale: float = 1.0,
) -> Comparison:
    """Corrected resampled t-test and Bayesian correlated t-test of paired differences.

    With s^2 the variance of the n differences, the variance of their mean is taken as
    ``(1/n + rho / (1 - rho)) s^2``, on n - 1 degrees of freedom: Nadeau & Bengio
    (2003), Machine Learning 52, 239-281, where rho/(1-rho) = n_test/n_train, and
    Benavoli et al. (2017), JMLR 18(77), whose posterior under the matching prior is
    that same Student t. With rho = 0 it is the ordinary paired t-test.

    Parameters
    ----------
    differences : ndarray of float, shape (n,)
        Paired differences; NaN are left out. Fewer than two that remain give NaN.
        Those up to `TOLERANCE` times `scale` count as 0.
    rho : float
        Correlation between runs, in [0, 1): 1/K for K-fold cross-validation.
    rope : float
        Half width of the region of practical equivalence, in units of the metric.
    level : float
        Level of the interval.
    scale : float
        Size of the scores that were subtracted.

    Returns
    -------
    Comparison
    """
    d = np.asarray(differences, dtype=float)
    d = d[~np.isnan(d)]
    d = np.where(np.abs(d) <= TOLERANCE * scale, 0.0, d)
    n = len(d)
    mean = float(d.mean()) if n else float("nan")
    if n < 2:
        return Comparison(n, mean, *[float("nan")] * 8)
    sd = float(d.std(ddof=1))
    error = np.sqrt(1 / n + rho / (1 - rho)) * sd
    if np.ptp(d) <= 1e-12:  # same difference in every run: nothing is uncertain
        certain = [float(mean < -rope), float(abs(mean) <= rope), float(mean > rope)]
        infinite = float(np.sign(mean)) * np.inf if mean else 0.0
        return Comparison(n, mean, sd, infinite, float(mean == 0), mean, mean, *certain)
    posterior = student(n - 1, loc=mean, scale=error)
    below, above = float(posterior.cdf(-rope)), float(posterior.sf(rope))
    statistic = mean / error
    return Comparison(
        n=n,
        difference=mean,
        sd=sd,
        t=float(statistic),
        p=float(2 * student.sf(abs(statistic), n - 1)),
        lower=float(posterior.ppf(0.5 - level / 2)),
        upper=float(posterior.ppf(0.5 + level / 2)),
        p_below=below,
        p_rope=max(0.0, 1 - below - above),
        p_above=above,
    )


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment of p values (1979); NaN stay and do not count.

    Parameters
    ----------
    p : ndarray of float, shape (m,)
        Raw p values of one family of tests.

    Returns
    -------
    ndarray of float, shape (m,)
        Adjusted p values: reject at level a where they are <= a.
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    weights = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(weights * p[order]))
    return adjusted


def compare_methods(
    scores: pd.DataFrame,
    metrics: Sequence[str] = ("r", "mse"),
    reference: str = "best",
    rope: float = 0.01,
) -> pd.DataFrame:
    """Compare every method with a reference, run by run.

    Parameters
    ----------
    scores : DataFrame
        Long scores of any number of datasets, settings and traits.
    metrics : sequence of str
        Metrics to compare.
    reference : str
        A method's name, or ``best``: the method with the best mean in each
        dataset, setting, trait and metric, of those that have the metric in every run.
        The best is chosen on the same runs, which favours it; name a method for a test
        that was decided beforehand.
    rope : float
        Half width of the region of practical equivalence.

    Returns
    -------
    DataFrame
        dataset, setting, trait, metric, reference, method, the fields of
        `Comparison`, p_holm (adjusted over the methods of one dataset, setting, trait
        and metric), p_better, p_worse (p_above, p_below turned so that better means
        better in that metric), runs (those there are; n may be fewer). Methods without
        the metric (r of constant predictions) have no row.
    """
    by = ["dataset", "setting", "trait", "metric"]
    parts = []
    chosen = scores[scores["metric"].isin(metrics)]
    for key, part in chosen.groupby(by, sort=False, observed=True):
        wide = _runs(part, "method")
        base = _best(wide, key[-1]) if reference == "best" else reference
        if base in wide:
            parts.append(_against(wide, base, "method", key, rope))
    return _assemble(parts, by, "method")


def compare_settings(
    scores: pd.DataFrame,
    metrics: Sequence[str] = ("r", "mse"),
    reference: str = "markers",
    rope: float = 0.01,
) -> pd.DataFrame:
    """Compare every setting with `reference` within each method: what pedigree adds.

    Returns
    -------
    DataFrame
        dataset, method, trait, metric, reference, setting, then as `compare_methods`;
        Holm's family is one method, trait and metric.
    """
    by = ["dataset", "method", "trait", "metric"]
    parts = []
    chosen = scores[scores["metric"].isin(metrics)]
    for key, part in chosen.groupby(by, sort=False, observed=True):
        wide = _runs(part, "setting")
        if reference in wide:
            parts.append(_against(wide, reference, "setting", key, rope))
    return _assemble(parts, by, "setting")


def _runs(part: pd.DataFrame, across: str) -> pd.DataFrame:
    """Put runs in rows and competitors in columns, without those that have no value."""
    # not pivot_table: a run scored twice is a mistake to hear of
    wide = part.pivot(index=RUN, columns=across, values="value")  # noqa: PD010
    return wide.dropna(axis=1, how="all")


def _best(wide: pd.DataFrame, metric: str) -> str | None:
    means = wide.dropna(axis=1).mean()
    if means.empty:
        return None
    lowest = metric in METRICS and METRICS[metric].better == "low"
    return means.idxmin() if lowest else means.idxmax()


def _against(
    wide: pd.DataFrame, base: str, across: str, key: tuple, rope: float
) -> pd.DataFrame:
    """Test each column of `wide` against column `base`."""
    folds = wide.index.get_level_values("fold").nunique()
    rho = 1 / folds if folds > 1 else 0.0
    others = [name for name in wide if name != base]
    table = pd.DataFrame(
        [vars(_test(wide[o], wide[base], rho, rope)) for o in others],
        columns=list(Comparison.__dataclass_fields__),
    )
    lowest = key[-1] in METRICS and METRICS[key[-1]].better == "low"
    table["p_holm"] = holm(table["p"].to_numpy())
    table["p_better"] = table["p_below" if lowest else "p_above"]
    table["p_worse"] = table["p_above" if lowest else "p_below"]
    table["runs"] = len(wide)
    table.insert(0, across, others)
    table.insert(0, "reference", base)
    for i, value in enumerate(key):
        table.insert(i, f"key{i}", value)
    return table


def _test(scores: pd.Series, base: pd.Series, rho: float, rope: float) -> Comparison:
    scale = max(1.0, scores.abs().max(), base.abs().max())
    return correlated_t(scores - base, rho, rope, scale=scale)


def _assemble(parts: list[pd.DataFrame], by: list[str], across: str) -> pd.DataFrame:
    fields = list(Comparison.__dataclass_fields__)
    columns = [*by, "reference", across, *fields]
    columns += ["p_holm", "p_better", "p_worse", "runs"]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    return table.set_axis(columns, axis=1)


def improvement(before: float, after: float, metric: str) -> float:
    """Improvement in per cent of `before`, above 0 where `after` is the better one.

    NaN where the metric before is not above 0, as an r may be: no share of it means
    anything.
    """
    if not before > 0:
        return float("nan")
    better, worse = (
        (before, after) if METRICS[metric].better == "low" else (after, before)
    )
    return 100 * (better - worse) / before
