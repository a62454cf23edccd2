"""Agreement of predictions with what was observed, per fold and trait.

All of them compare a vector of predictions with a vector of observations of the same
animals. Predictions and observations are in training standard deviations, so that an
MSE of 1 is what predicting the training mean costs (up to sampling).
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import ModuleType

import numba
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from grvsnn.scoring.interval_coverage import interval_scores

logger = logging.getLogger(__name__)

JOB = ["dataset", "setting", "method", "repeat", "fold", "trait"]
MIN_OBSERVED = 3
BINARY_FROM = 10
"""Observations from which two different values make a binary trait of them."""
NAIVE_UP_TO = 1000
"""Animals up to which all pairs of distances are faster than a merge sort in Python."""


def mse(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Mean squared error of n predictions."""
    return float(np.mean((observed - predicted) ** 2))


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson correlation; NaN when either vector is constant."""
    if is_constant(x) or is_constant(y):
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    r = (x @ y) / np.sqrt((x @ x) * (y @ y))
    return float(np.clip(r, -1.0, 1.0))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman rank correlation, ties by their average rank; NaN when constant."""
    return pearson(rankdata(x), rankdata(y))


def dcor(x: np.ndarray, y: np.ndarray) -> float:
    """Sample distance correlation (Székely et al. 2007); NaN when constant.

    Positive even for independent vectors, of order n^(-1/2).
    """
    if is_constant(x) or is_constant(y):
        return float("nan")
    package, method = _dcor_package(), _dcor_method(len(x))
    return float(package.distance_correlation(x, y, method=method))


def dcor_chance(x: np.ndarray, y: np.ndarray) -> float:
    """Distance correlation to expect if x and y were independent; NaN when constant.

    The root of the mean of dCor^2 over all n! permutations of y. With A and B the
    doubly centred distances, whose rows sum to 0, the mean of ``sum A_ij B_p(i)p(j)``
    is ``tr A tr B / (n - 1)``, ``tr A = -n a`` with a the mean distance, and
    permutations leave the distance variances alone:
    ``a b / ((n - 1) sqrt(dVar^2(x) dVar^2(y)))``.
    """
    if is_constant(x) or is_constant(y):
        return float("nan")
    package, method = _dcor_package(), _dcor_method(len(x))
    shares = [
        _mean_distance(v) / package.distance_covariance(v, v, method=method)
        for v in (x, y)
    ]
    return float(np.sqrt(np.prod(shares) / (len(x) - 1)))


def _mean_distance(values: np.ndarray) -> float:
    """Mean of |v_i - v_j| over all n^2 pairs, by the gaps between sorted values."""
    n = len(values)
    below = np.arange(1, n)
    return float(2 * (np.diff(np.sort(values)) * below * (n - below)).sum() / n**2)


@cache
def _dcor_package() -> ModuleType:
    """Import the package late and uncompiled.

    It compiles its fast algorithms when it is imported, for longer than a whole table
    of scores takes without them.
    """
    with _uncompiled():
        import dcor as package
    return package


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Leave functions as they are that modules imported meanwhile want compiled."""
    disabled, guvectorize = numba.config.DISABLE_JIT, numba.guvectorize
    numba.config.DISABLE_JIT = True
    # this one compiles in spite of that
    numba.guvectorize = lambda *_, **__: lambda function: function
    try:
        yield
    finally:
        numba.config.DISABLE_JIT, numba.guvectorize = disabled, guvectorize


def _dcor_method(n: int) -> str:
    """Name the package's fastest algorithm for n animals, uncompiled as it is."""
    return "naive" if n <= NAIVE_UP_TO else "mergesort"


def calibration(observed: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the regression of observed on predicted.

    A slope below 1 means predictions that are too spread out (inflated), one above 1
    predictions that are shrunk too much. Both are NaN for constant predictions.
    """
    if is_constant(predicted):
        return float("nan"), float("nan")
    centred = predicted - predicted.mean()
    slope = (centred @ (observed - observed.mean())) / (centred @ centred)
    return float(slope), float(observed.mean() - slope * predicted.mean())


def top_hit_rate(
    observed: np.ndarray, predicted: np.ndarray, share: float = 0.1
) -> float:
    """Share of the best animals by prediction that are among the best by observation.

    The best are the ``ceil(share * n)`` largest. Animals tied at the threshold count
    in part, which gives the expectation over random orders of the ties: constant
    predictions score their chance level.
    """
    size = int(np.ceil(share * len(observed)))
    return float(_membership(observed, size) @ _membership(predicted, size) / size)


def auc(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Area under the ROC curve of a trait with two values.

    The chance that of two animals with different values the higher one has the higher
    prediction, by ranks (Mann and Whitney); equal predictions count half.

    Parameters
    ----------
    observed : ndarray of float, shape (n,)
        Two values, whatever they are; the larger one is the case.
    predicted : ndarray of float, shape (n,)
        Predictions.
    """
    case = observed == observed.max()
    n_cases, n_others = int(case.sum()), int((~case).sum())
    above = rankdata(predicted)[case].sum() - n_cases * (n_cases + 1) / 2
    return float(above / (n_cases * n_others))


def is_binary(observed: np.ndarray) -> bool:
    """Whether enough observations have two different values between them."""
    return len(observed) >= BINARY_FROM and len(np.unique(observed)) == 2


def _membership(values: np.ndarray, size: int) -> np.ndarray:
    """Probability of each animal to be among the `size` largest, ties at random."""
    threshold = np.partition(values, -size)[-size]
    above, tied = values > threshold, values == threshold
    return above + tied * ((size - above.sum()) / tied.sum())


def is_constant(values: np.ndarray) -> bool:
    """Tell whether values are equal up to rounding."""
    scale = max(1.0, float(np.abs(values).max(initial=0.0)))
    return bool(np.ptp(values) <= 1e-12 * scale)


def agreement(observed: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """All metrics of one fold and trait; NaN where undefined.

    Parameters
    ----------
    observed, predicted : ndarray of float, shape (n,)
        Rows with a missing observation are left out; fewer than three that remain
        give NaN throughout.

    Returns
    -------
    dict
        mse, r, dcor, dcor_chance, slope, intercept, spearman, top10 and n_observed;
        auc where the observations have two values.
    """
    observed, predicted = _complete(observed, predicted)
    scores: dict[str, float] = {"n_observed": float(len(observed))}
    if len(observed) < MIN_OBSERVED:
        return scores | dict.fromkeys(AGREEMENT, float("nan"))
    scores |= {name: f(observed, predicted) for name, f in AGREEMENT.items()}
    return scores | ({"auc": auc(observed, predicted)} if is_binary(observed) else {})


AGREEMENT: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "mse": mse,
    "r": pearson,
    "dcor": dcor,
    "dcor_chance": dcor_chance,
    "slope": lambda observed, predicted: calibration(observed, predicted)[0],
    "intercept": lambda observed, predicted: calibration(observed, predicted)[1],
    "spearman": spearman,
    "top10": top_hit_rate,
}

ACCURACIES = {
    "genetic_value": "accuracy_genetic",
    "breeding_value": "accuracy_breeding",
}


def score_predictions(predictions: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Score every fold and trait of any number of jobs.

    Parameters
    ----------
    predictions : DataFrame
        dataset, setting, method, repeat, fold, trait, sample_id, predicted and, for
        methods with intervals, lower and upper.
    truth : DataFrame
        repeat, fold, sample_id, trait, observed (NaN = missing) and, on simulated
        data, genetic_value and breeding_value (any unit); a dataset column is used
        when there is one.

    Returns
    -------
    DataFrame
        dataset, setting, method, repeat, fold, trait, metric, value. Accuracies
        (correlations with true values) take every test animal, phenotyped or not;
        coverage and interval_width are there for methods with intervals only.

    Raises
    ------
    ValueError
        When a prediction has no row in `truth`, or two.
    """
    keys = ["repeat", "fold", "sample_id", "trait"]
    keys += ["dataset"] if "dataset" in truth else []
    columns = keys + [c for c in ("observed", *ACCURACIES) if c in truth]
    both = predictions.merge(
        truth[columns], on=keys, how="left", validate="many_to_one", indicator=True
    )
    lost = both.loc[both["_merge"] != "both", "sample_id"]
    if len(lost):
        raise ValueError(f"{len(lost)} predictions without truth, e.g. {lost.iloc[0]}")
    rows = [
        dict(zip(JOB, job, strict=True)) | {"metric": metric, "value": value}
        for job, part in both.groupby(JOB, sort=False, observed=True)
        for metric, value in _score_part(job, part).items()
    ]
    return pd.DataFrame(rows, columns=[*JOB, "metric", "value"])


def _score_part(job: tuple, part: pd.DataFrame) -> dict[str, float]:
    predicted = part["predicted"].to_numpy(float)
    observed = part["observed"].to_numpy(float)
    scores = agreement(observed, predicted)
    if scores["n_observed"] < MIN_OBSERVED:
        logger.warning(
            "%s: %d observed test phenotypes, no metric is defined",
            "/".join(map(str, job)),
            scores["n_observed"],
        )
    if "lower" in part:
        bounds = (part[name].to_numpy(float) for name in ("lower", "upper"))
        scores |= interval_scores(observed, *bounds)
    for column, metric in ACCURACIES.items():
        if column in part:
            true, fitted = _complete(part[column].to_numpy(float), predicted)
            enough = len(true) >= MIN_OBSERVED
            scores[metric] = pearson(true, fitted) if enough else float("nan")
    return scores


def _complete(
    observed: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Float copies of both vectors where the first is not missing."""
    observed, predicted = np.asarray(observed, float), np.asarray(predicted, float)
    there = ~np.isnan(observed)
    return observed[there], predicted[there]


def count_runs(scores: pd.DataFrame) -> dict[str, int]:
    """Count the runs (repeat and fold) that were scored, by dataset."""
    runs = scores.drop_duplicates(["dataset", "repeat", "fold"])
    return runs["dataset"].value_counts().to_dict()


def summarise(scores: pd.DataFrame, by: list[str] | None = None) -> pd.DataFrame:
    """Mean, SD (n - 1) and number of defined runs of every metric.

    Parameters
    ----------
    scores : DataFrame
        Long scores.
    by : list of str, optional
        Grouping columns besides metric; dataset, setting, method, trait by default.

    Returns
    -------
    DataFrame
        `by`, metric, mean, sd (NaN for a single run), n.
    """
    by = by or ["dataset", "setting", "method", "trait"]
    grouped = scores.groupby([*by, "metric"], sort=False, observed=True)["value"]
    return grouped.agg(mean="mean", sd="std", n="count").reset_index()
