"""Bounds that reported results must keep, whatever the method and the data.

Every rule holds the mean or SD of some cells against bounds that follow from the
definition of the metrics, or from a stated assumption. A value outside could not be
reconciled with the rest of its row under that assumption; nothing is said about why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from grvsnn.scoring.metrics import summarise

KEYS = ["dataset", "trait", "setting", "method"]
RUN_METRICS = ("mse", "r", "dcor")
COUNTS = ("n_selected", "n_selected_markers", "n_selected_loadings")
SIZES = ("n_samples", "n_markers", "n_loadings", "n_folds", "n_repeats")
RANGES: Mapping[str, tuple[float, float]] = {
    "mse": (0.0, np.inf),
    "r": (-1.0, 1.0),
    "dcor": (0.0, 1.0),
    "minutes": (0.0, np.inf),
    **dict.fromkeys(COUNTS, (0.0, np.inf)),
}
ROUNDING = 1e-9
"""Relative error of sums in floating point."""
COLUMNS = ["rule", *KEYS, "metric", "quantity", "value", "lower", "upper"]
DCOR_AT_CHANCE = 4 / np.pi / (4 * (1 + np.pi / 3 - np.sqrt(3)) / np.pi)
"""n dCor^2 of n independent normal pairs, in expectation (about 3.17)."""


@dataclass(frozen=True)
class Assumptions:
    """What the bounds rest on.

    Parameters
    ----------
    variance : float
        Variance of the phenotypes in the unit of the MSE: 1 for traits standardised
        by their training rows.
    variance_slack : float
        Share by which the test folds' variance may lie below it.
    dcor_slack : float
        Distance by which dCor may leave the range of normal data.
    level : float
        Probability with which an SD falls below its lower bound by chance.
    spread : float
        Multiple of the SD from sampling test animals that an SD may not exceed.
    """

    variance: float = 1.0
    variance_slack: float = 0.05
    dcor_slack: float = 0.05
    level: float = 1e-4
    spread: float = 4.0


def lint_results(
    results: pd.DataFrame,
    sizes: pd.DataFrame | None = None,
    assumptions: Assumptions = Assumptions(),
) -> pd.DataFrame:
    """Check every cell by every rule that it has the numbers for.

    Parameters
    ----------
    results : DataFrame
        dataset, trait, setting, method, metric (`RANGES` names the known ones), mean
        and, where there are any, sd, n_runs (else folds times repeats of `sizes`),
        n_test (animals of a test fold, else samples over folds of `sizes`),
        mean_rounding and sd_rounding (half a unit of the last printed digit).
    sizes : DataFrame, optional
        dataset, then any of n_samples, n_markers, n_loadings, n_folds, n_repeats.
    assumptions : Assumptions
        What the bounds rest on.

    Returns
    -------
    DataFrame
        A row a check: rule, the cell, quantity (mean, sd, cells alike), value, lower,
        upper and ``fails``. Bounds already allow for rounding.
    """
    results = _completed(results, sizes)
    checks = [
        rule.check(results, assumptions).assign(rule=name)
        for name, rule in RULES.items()
    ]
    table = pd.concat([part for part in checks if len(part)], ignore_index=True)
    table = table.reindex(columns=COLUMNS)
    # a bound is often reached: the last digits of sums must not decide
    slack = ROUNDING * (1 + table["value"].abs())
    below, above = table["lower"] - table["value"], table["value"] - table["upper"]
    table["fails"] = (below > slack) | (above > slack)
    return table


def lintable(scores: pd.DataFrame) -> pd.DataFrame:
    """Summarise long scores for `lint_results`.

    Methods of constant predictions (no r) are left out: they repeat one another by
    definition.
    """
    means = summarise(scores, KEYS).rename(columns={"n": "n_runs"})
    defined = means[(means["metric"] == "r") & (means["n_runs"] > 0)]
    tested = means[means["metric"] == "n_observed"]
    n_folds = scores.groupby("dataset")["fold"].nunique().rename("n_folds")
    means = means[means["metric"].isin(RANGES)].dropna(subset="mean")
    tested = tested[[*KEYS, "mean"]].rename(columns={"mean": "n_test"})
    means = means.merge(defined[KEYS], on=KEYS).merge(tested, on=KEYS)
    return means.join(n_folds, on="dataset")


def _completed(results: pd.DataFrame, sizes: pd.DataFrame | None) -> pd.DataFrame:
    """Give every optional column, NaN or 0 where nothing is known."""
    out = results.copy()
    if sizes is not None:
        named = [name for name in SIZES if name in sizes and name not in out]
        out = out.merge(sizes[["dataset", *named]], on="dataset", how="left")
    for name in ("sd", "n_runs", *SIZES):
        out[name] = out[name].astype(float) if name in out else np.nan
    for name in ("mean_rounding", "sd_rounding"):
        out[name] = out[name].fillna(0.0) if name in out else 0.0
    per_repeat = np.where(out["metric"] == "minutes", 1, out["n_folds"])
    out["n_runs"] = out["n_runs"].fillna(out["n_repeats"] * per_repeat)
    dealt = out["n_samples"] / out["n_folds"]
    out["n_test"] = out["n_test"].fillna(dealt) if "n_test" in out else dealt
    # a table without traits or settings is one trait, one setting
    return out.fillna({name: "" for name in KEYS})


def _checks(
    cells: pd.DataFrame,
    quantity: str,
    value: pd.Series,
    lower: pd.Series | float = -np.inf,
    upper: pd.Series | float = np.inf,
) -> pd.DataFrame:
    limits = {"quantity": quantity, "value": value, "lower": lower, "upper": upper}
    table = cells[[*KEYS, "metric"]].assign(**limits)
    return table.dropna(subset=["value", "lower", "upper"])


def _limits(metrics: pd.Series) -> list[pd.Series]:
    # astype: of no metric at all, map gives strings
    return [metrics.map(lambda m, i=i: RANGES[m][i]).astype(float) for i in (0, 1)]


def check_ranges(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """Means lie in the range of their metric."""
    known = results[results["metric"].isin(RANGES)]
    lower, upper = _limits(known["metric"])
    slack = known["mean_rounding"]
    return _checks(known, "mean", known["mean"], lower - slack, upper + slack)


def check_largest_sd(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """SDs over n runs in [a, b] with mean m: variance n/(n-1) (b-m) (m-a) at most.

    Without an upper limit b, the largest is reached when one run has all of the sum.
    """
    known = results[results["metric"].isin(RANGES) & (results["n_runs"] > 1)]
    n, mean = known["n_runs"], known["mean"]
    low, high = _limits(known["metric"])
    # a nonnegative sum n m in one run is the bounded case with b = n m
    high = np.minimum(high, n * mean)
    high = high.where(known["metric"] != "r", 1.0)
    top = np.sqrt(np.maximum(n / (n - 1) * (high - mean) * (mean - low), 0))
    slack = known["sd_rounding"] + np.sqrt(n) * known["mean_rounding"]
    return _checks(known, "sd", known["sd"], -known["sd_rounding"], top + slack)


def check_mse_given_r(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """MSE is at least Var(y) (1 - r^2), what the best line through the points leaves.

    Exact in each fold with the fold's own variance; over runs, the mean of r^2 is the
    square of the mean r plus its variance.
    """
    mse, r = _paired(results, "mse", "r")
    n = r["n_runs"].fillna(np.inf)
    variance = (r["sd"].fillna(0) + r["sd_rounding"]) ** 2 * np.where(
        np.isfinite(n), (n - 1) / n, 1
    )
    r_squared = (r["mean"].abs() + r["mean_rounding"]) ** 2 + variance
    floor = given.variance * (1 - given.variance_slack) * (1 - r_squared).clip(lower=0)
    return _checks(mse, "mean", mse["mean"], floor - mse["mean_rounding"])


def normal_dcor(r: np.ndarray) -> np.ndarray:
    """Distance correlation of a bivariate normal with correlation r.

    Székely, Rizzo and Bakirov (2007), Annals of Statistics 35, theorem 7; it lies
    between 0.89 |r| and |r|.
    """
    r = np.clip(np.abs(np.asarray(r, float)), 0, 1)
    top = r * np.arcsin(r) + np.sqrt(1 - r**2) - r * np.arcsin(r / 2)
    top = top - np.sqrt(4 - r**2) + 1
    return np.sqrt(np.maximum(top, 0) / (1 + np.pi / 3 - np.sqrt(3)))


def check_dcor_given_r(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """Distance correlations lie near their value at r in bivariate normal data.

    Sampling n animals adds about 3.17 / n to the square at chance level. Where r
    changes its sign from run to run, its mean size is at most its root mean square.
    """
    dcor, r = _paired(results, "dcor", "r")
    size = r["mean"].abs()
    low = normal_dcor((size - r["mean_rounding"]).clip(lower=0))
    rms = np.hypot(
        size + r["mean_rounding"], r["sd"].fillna(0).to_numpy() + r["sd_rounding"]
    )
    chance = (DCOR_AT_CHANCE / r["n_test"]).fillna(0)
    high = np.sqrt(normal_dcor(rms) ** 2 + chance)
    slack = given.dcor_slack + dcor["mean_rounding"]
    return _checks(dcor, "mean", dcor["mean"], low - slack, high + slack)


def check_selected(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """No more features are selected than there are."""
    counts = results[results["metric"].isin(COUNTS)]
    markers = counts["n_markers"].where(counts["setting"] != "pedigree", 0)
    loadings = counts["n_loadings"].where(counts["setting"] != "markers", 0)
    there = np.select(
        [counts["metric"] == "n_selected_markers", counts["metric"] == COUNTS[2]],
        [markers, loadings],
        markers + loadings,
    )
    return _checks(
        counts, "mean", counts["mean"], -np.inf, there + counts["mean_rounding"]
    )


def check_parts(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """Add up selected markers and loadings: they are the selected features."""
    total, markers, loadings = _paired(results, *COUNTS)
    parts = markers["mean"] + loadings["mean"]
    slack = sum(part["mean_rounding"] for part in (total, markers, loadings)) + 1e-6
    return _checks(total, "mean", total["mean"], parts - slack, parts + slack)


def check_sampling_sd(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """SDs of r and MSE fit the number of test animals n of a fold.

    The test folds of a repeat share no animal, and every repeat has its own, so that
    even a fixed predictor has, in normal data, r vary by (1 - r^2) / sqrt(n) and MSE by
    MSE sqrt(2 / n). Folds stratified on y, which is what the lower bounds allow for,
    take off the factors sqrt(1 - r^2 / 2) and sqrt(1 - (1 - r^2)^2) at most; an SD on
    repeats times (folds - 1) degrees of freedom falls short of that by chi-square.
    """
    r, mse = _paired(results, "r", "mse")
    squared, n = np.minimum(r["mean"] ** 2, 1), r["n_test"]
    freedom = r["n_runs"] * (1 - 1 / r["n_folds"])
    short = np.sqrt(chi2.ppf(given.level, freedom) / freedom)
    sampled = {
        "r": ((1 - squared) / np.sqrt(n), np.sqrt(1 - squared / 2)),
        "mse": (mse["mean"] * np.sqrt(2 / n), np.sqrt(1 - (1 - squared) ** 2)),
    }
    parts = []
    for cells, (sd, stratified) in zip((r, mse), sampled.values(), strict=True):
        slack = cells["sd_rounding"]
        lower = sd * stratified * short - slack
        upper = given.spread * sd + slack
        parts.append(_checks(cells, "sd", cells["sd"], lower, upper))
    return pd.concat(parts)


def check_alike(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """No two cells of a dataset and metric have the same mean and the same SD.

    The rows that `_repeats` explains count once.
    """
    cells = results[results["metric"].isin(RUN_METRICS)].dropna(subset="sd")
    same = cells.groupby(["dataset", "metric", "mean", "sd"])["trait"]
    explained = _repeats(results)
    rows = zip(*(cells[name] for name in KEYS), strict=True)
    repeats = [explained.get(row, 0) for row in rows]
    return _checks(cells, "cells alike", same.transform("size") - 1 - repeats, upper=0)


def _repeats(results: pd.DataFrame) -> Mapping[tuple, int]:
    """How often a row is repeated by its method in a setting that nests with its own.

    From markers with loadings of which it uses none, a method predicts what it predicts
    from markers. Its rows of both settings then agree in all metrics and in what is
    selected, and no loading is.
    """
    settings = results["setting"].isin(["markers", "markers_pedigree"])
    compared = results[settings & results["metric"].isin([*RUN_METRICS, *COUNTS])]
    groups: dict[tuple, list[tuple]] = {}
    for key, row in compared.groupby(KEYS):
        cells = row.set_index("metric")[["mean", "sd"]].fillna(0.0)
        dataset, trait, setting, method = key
        if setting == "markers":
            cells.loc["n_selected_loadings"] = 0.0
        if cells["mean"].get("n_selected_loadings", np.nan) != 0:
            continue
        content = tuple(
            cells.drop(index="n_selected_markers", errors="ignore")
            .sort_index()
            .itertuples(name=None)
        )
        groups.setdefault((dataset, trait, method, content), []).append(key)
    return {key: len(keys) - 1 for keys in groups.values() for key in keys}


def check_alike_counts(results: pd.DataFrame, given: Assumptions) -> pd.DataFrame:
    """Hold settings apart: not all of three or more methods count the same in both."""
    counts = results[(results["metric"] == "n_selected") & (results["mean"] > 0)]
    parts = []
    for _, part in counts.groupby(["dataset", "trait"], sort=False):
        wide = part.pivot_table("mean", "method", "setting").dropna()
        if wide.shape[1] < 2 or len(wide) < 3:
            continue
        alike = bool((wide.max(axis=1) == wide.min(axis=1)).all())
        mine = part[part["method"].isin(wide.index)]
        number = pd.Series(wide.shape[1] - 1 if alike else 0, mine.index)
        parts.append(_checks(mine, "cells alike", number, upper=0))
    return pd.concat(parts) if parts else counts.iloc[:0]


def _paired(results: pd.DataFrame, *metrics: str) -> list[pd.DataFrame]:
    """Cells of each metric that have all of the metrics, in the same order."""
    parts = [results[results["metric"] == name].set_index(KEYS) for name in metrics]
    common = parts[0].index
    for part in parts[1:]:
        common = common[common.isin(part.index)]
    # one index for all, so that columns of one meet those of another
    return [part.loc[common].reset_index() for part in parts]


@dataclass(frozen=True)
class Rule:
    """A check and what it says, for tables."""

    check: Callable[[pd.DataFrame, Assumptions], pd.DataFrame]
    statement: str


RULES: Mapping[str, Rule] = {
    "range": Rule(check_ranges, "means lie in the range of their metric"),
    "largest_sd": Rule(check_largest_sd, "SD possible at this mean and range"),
    "mse_given_r": Rule(check_mse_given_r, "MSE ≥ Var(y) (1 − r²)"),
    "dcor_given_r": Rule(check_dcor_given_r, "dCor near its value at r, normal data"),
    "selected": Rule(check_selected, "no more selected than there are"),
    "parts": Rule(check_parts, "markers + loadings = total"),
    "sampling_sd": Rule(check_sampling_sd, "SD fits the test animals of a fold"),
    "alike": Rule(check_alike, "no two cells with equal mean and SD"),
    "alike_counts": Rule(check_alike_counts, "counts differ between settings"),
}


def count_findings(checks: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Cells checked and findings of every rule (and every value of column `by`)."""
    keys = ([by] if by else []) + ["rule"]
    counted = checks.groupby(keys, sort=False)["fails"].agg(
        checked="size", findings="sum"
    )
    return counted.reset_index()
