"""Scores of prediction intervals, Wilson's interval and pooling over runs."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.scoring.interval_coverage import coverage_frame, interval_scores, wilson
from grvsnn.scoring.metrics import score_predictions
from scipy.stats import binomtest

NAN = float("nan")


def test_coverage_counts_bounds_and_leaves_missing_observations_out():
    lower, upper = np.zeros(6), np.array([1.0, 1, 1, 1, 1, 3])
    observed = np.array([0.0, 1.0, 0.5, 1.1, -0.1, NAN])
    found = interval_scores(observed, lower, upper)
    assert found == {"coverage": 0.6, "interval_width": pytest.approx(8 / 6)}
    assert interval_scores(observed, lower - np.inf, upper + np.inf) == {
        "coverage": 1.0,
        "interval_width": np.inf,
    }


def test_methods_without_intervals_and_animals_without_phenotypes():
    assert interval_scores(np.ones(3), np.full(3, NAN), np.full(3, NAN)) == {}
    found = interval_scores(np.full(3, NAN), np.zeros(3), np.ones(3))
    assert np.isnan(found["coverage"]) and found["interval_width"] == 1


@pytest.mark.parametrize(("k", "n"), [(0, 10), (9, 10), (10, 10), (327, 363)])
def test_wilson_agrees_with_scipy(k, n):
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def make_predictions(method, half, n=50):
    """Two folds of n animals whose observations are 0, 1, ..., n - 1 in size."""
    rows = pd.DataFrame({"fold": np.repeat([1, 2], n), "size": np.tile(range(n), 2)})
    rows = rows.assign(
        dataset="pig", setting="markers", method=method, repeat=1, trait="t"
    )
    rows["sample_id"] = [f"a{i}" for i in range(2 * n)]
    rows["predicted"] = np.linspace(-1, 1, 2 * n)
    rows["lower"], rows["upper"] = rows["predicted"] - half, rows["predicted"] + half
    return rows


def test_scores_hold_coverage_for_methods_that_have_intervals():
    predictions = pd.concat(
        [make_predictions("grvsnn", 39.5), make_predictions("mean", NAN)]
    )
    truth = predictions[["repeat", "fold", "sample_id", "trait", "size", "predicted"]]
    truth = truth.assign(observed=truth["predicted"] + truth["size"])
    truth = truth.drop_duplicates("sample_id").drop(columns="predicted")
    scores = score_predictions(predictions, truth)
    by_metric = scores.groupby(["method", "metric"])["value"].mean()
    # sizes 0 to 39 of 0 to 49 lie within
    assert by_metric["grvsnn", "coverage"] == pytest.approx(0.8)
    assert by_metric["grvsnn", "interval_width"] == pytest.approx(79)
    assert "coverage" not in by_metric["mean"]
    # tables of earlier runs, without the columns, are still scored
    old = score_predictions(predictions.drop(columns=["lower", "upper"]), truth)
    assert "coverage" not in set(old["metric"])


def test_traits_keep_the_datas_order():
    predictions = pd.concat(
        [make_predictions("grvsnn", 2.0).assign(trait=trait) for trait in "zam"]
    )
    truth = predictions[["repeat", "fold", "sample_id", "trait"]].assign(observed=0.5)
    frame = coverage_frame(score_predictions(predictions, truth))
    assert frame["trait"].tolist() == ["z", "a", "m"]


def test_pooling_weighs_runs_by_their_animals():
    keys = {"dataset": "pig", "setting": "markers", "method": "grvsnn", "trait": "t"}
    runs = [(1, 1, 0.5, 10), (1, 2, 1.0, 30), (2, 1, 1.0, 20), (2, 2, 0.75, 20)]
    rows = [
        {**keys, "repeat": repeat, "fold": fold, "metric": metric, "value": value}
        for repeat, fold, share, n in runs
        for metric, value in (
            ("coverage", share),
            ("n_observed", n),
            ("interval_width", 2.0),
            ("r", 0.3),
        )
    ]
    (row,) = coverage_frame(pd.DataFrame(rows)).itertuples()
    assert row.coverage == pytest.approx(0.8125)
    assert row.pooled == pytest.approx((5 + 30 + 20 + 15) / 80)
    assert row.n_animals == 40
    assert (row.lower, row.upper) == pytest.approx(wilson(0.875, 40))
    assert (row.width, row.width_sd, row.n_runs) == (2.0, 0.0, 4)
