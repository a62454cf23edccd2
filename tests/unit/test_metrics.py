import logging
import warnings

import numpy as np
import pandas as pd
import pytest
from grvsnn.scoring import metrics
from scipy import stats
from sklearn.metrics import roc_auc_score


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    predicted = rng.normal(size=300)
    return 0.5 * predicted + rng.normal(size=300), predicted


def test_mse_and_r_match_their_formulas(pair):
    observed, predicted = pair
    assert metrics.mse(observed, predicted) == pytest.approx(
        sum((o - p) ** 2 for o, p in zip(observed, predicted, strict=True)) / 300
    )
    assert metrics.pearson(observed, predicted) == pytest.approx(
        stats.pearsonr(observed, predicted).statistic, abs=1e-12
    )
    assert metrics.spearman(observed, predicted) == pytest.approx(
        stats.spearmanr(observed, predicted).statistic, abs=1e-12
    )


def test_auc_is_scikit_learns_with_ties(pair):
    values = pair[0] > 0.3
    rounded = np.round(pair[1], 1)
    expected = roc_auc_score(values, rounded)
    # the values may be any two numbers, as targets in training SD are
    scores = metrics.agreement(np.where(values, 1.7, -0.4), rounded)
    assert scores["auc"] == pytest.approx(expected, abs=1e-12) and expected < 0.8
    assert metrics.auc(values * 1.0, -rounded) == pytest.approx(1 - expected)
    assert metrics.auc(values * 1.0, np.ones(300)) == 0.5


def test_only_binary_traits_have_an_auc(pair):
    assert "auc" not in metrics.agreement(*pair)
    one_class = metrics.agreement(np.ones(20), pair[1][:20])
    few = metrics.agreement(np.array([0.0, 1.0, 1.0]), pair[1][:3])
    assert "auc" not in one_class and "auc" not in few


def test_r_is_invariant_to_affine_transforms_and_mse_is_not(pair):
    observed, predicted = pair
    moved = 3.0 * predicted - 7.0
    for correlation in (metrics.pearson, metrics.spearman):
        assert correlation(observed, moved) == pytest.approx(
            correlation(observed, predicted), abs=1e-12
        )
        assert correlation(observed, -moved) == pytest.approx(
            -correlation(observed, predicted), abs=1e-12
        )
    assert metrics.mse(observed, moved) > 10 * metrics.mse(observed, predicted)


def test_spearman_sees_only_ranks(pair):
    observed, predicted = pair
    assert metrics.spearman(observed, np.exp(predicted)) == pytest.approx(
        metrics.spearman(observed, predicted), abs=1e-12
    )


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0, 2.0])
def test_mse_is_at_least_the_unexplained_variance(pair, scale):
    observed, predicted = pair
    floor = (1 - metrics.pearson(observed, predicted) ** 2) * observed.var()
    assert metrics.mse(observed, scale * predicted) >= floor - 1e-12


def test_calibrated_predictions_reach_the_mse_bound(pair):
    observed, predicted = pair
    slope, intercept = metrics.calibration(observed, predicted)
    calibrated = intercept + slope * predicted
    floor = (1 - metrics.pearson(observed, predicted) ** 2) * observed.var()
    assert metrics.mse(observed, calibrated) == pytest.approx(floor, rel=1e-12)
    assert metrics.calibration(observed, calibrated) == pytest.approx((1, 0), abs=1e-12)


def test_calibration_is_least_squares(pair):
    observed, predicted = pair
    fit = stats.linregress(predicted, observed)
    slope, intercept = metrics.calibration(observed, predicted)
    assert (slope, intercept) == pytest.approx((fit.slope, fit.intercept), abs=1e-12)


def test_distance_correlation_sees_a_parabola_that_r_misses():
    rng = np.random.default_rng(3)
    x = rng.normal(size=1000)
    assert metrics.dcor(x, x**2) > 0.4
    assert abs(metrics.pearson(x, x**2)) < 0.15
    assert metrics.dcor(x, rng.normal(size=1000)) < 0.1


def test_top_hit_rate_counts_shared_best():
    observed = np.arange(20.0)
    predicted = observed.copy()
    assert metrics.top_hit_rate(observed, predicted) == 1.0
    assert metrics.top_hit_rate(observed, -predicted) == 0.0
    predicted[[0, 19]] = predicted[[19, 0]]
    assert metrics.top_hit_rate(observed, predicted) == 0.5
    # the best tenth of 21 animals is 3 of them
    assert metrics.top_hit_rate(np.arange(21.0), np.arange(21.0)) == 1.0


def test_top_hit_rate_of_ties_is_the_expectation_over_their_orders():
    rng = np.random.default_rng(4)
    observed = rng.normal(size=50)
    predicted = rng.integers(0, 4, size=50).astype(float)
    broken = [
        metrics.top_hit_rate(observed, predicted + 1e-6 * rng.random(50))
        for _ in range(4000)
    ]
    # SD of one draw is below 0.25, so 4 standard errors are 0.016
    assert metrics.top_hit_rate(observed, predicted) == pytest.approx(
        np.mean(broken), abs=0.016
    )
    assert metrics.top_hit_rate(observed, np.zeros(50)) == pytest.approx(0.1)


def test_constant_predictions_have_no_correlation_and_raise_no_warning(pair):
    observed, _ = pair
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = metrics.agreement(observed, np.full(300, 0.1))
    undefined = {name for name, value in scores.items() if np.isnan(value)}
    assert undefined == set(metrics.AGREEMENT) - {"mse", "top10"}
    assert scores["mse"] == pytest.approx(observed.var() + (observed.mean() - 0.1) ** 2)


def test_missing_observations_are_left_out(pair):
    observed, predicted = pair
    holes = observed.copy()
    holes[::3] = np.nan
    kept = ~np.isnan(holes)
    assert metrics.agreement(holes, predicted) == metrics.agreement(
        observed[kept], predicted[kept]
    )


def long_tables():
    """Predictions of two methods over 2 repeats x 2 folds, and the truth."""
    rng = np.random.default_rng(5)
    truth, predictions = [], []
    for repeat in (1, 2):
        for fold in (1, 2):
            ids = [f"a{fold}{i}" for i in range(15)]
            for trait in ("fat", "lean"):
                value = rng.normal(size=15)
                noisy = value + rng.normal(size=15)
                keys = {"repeat": repeat, "fold": fold, "trait": trait}
                truth.append(
                    pd.DataFrame(
                        keys
                        | {
                            "sample_id": ids,
                            "observed": noisy,
                            "genetic_value": value,
                            "breeding_value": 10 * value + 3,
                        }
                    )
                )
                for method, predicted in (("gblup", value), ("mean", 0 * value)):
                    job = {"dataset": "d", "setting": "markers", "method": method}
                    predictions.append(
                        pd.DataFrame(
                            job | keys | {"sample_id": ids, "predicted": predicted}
                        )
                    )
    return pd.concat(predictions), pd.concat(truth, ignore_index=True)


def test_score_predictions_scores_each_fold_by_itself():
    predictions, truth = long_tables()
    scores = metrics.score_predictions(predictions, truth)
    assert list(scores) == [*metrics.JOB, "metric", "value"]
    assert not scores.duplicated([*metrics.JOB, "metric"]).any()
    one = scores.query(
        "method == 'gblup' and repeat == 2 and fold == 1 and trait == 'lean'"
    ).set_index("metric")["value"]
    part = truth.query("repeat == 2 and fold == 1 and trait == 'lean'")
    expected = metrics.agreement(
        part["observed"].to_numpy(), part["genetic_value"].to_numpy()
    )
    assert one[list(expected)].to_dict() == pytest.approx(expected)
    # the predictions are the genetic values, and correlation has no unit
    assert one["accuracy_genetic"] == pytest.approx(1.0)
    assert one["accuracy_breeding"] == pytest.approx(1.0)


def test_scores_do_not_depend_on_the_order_of_rows():
    predictions, truth = long_tables()
    first = metrics.score_predictions(predictions, truth)
    shuffled = metrics.score_predictions(
        predictions, truth.sample(frac=1, random_state=0)
    )
    pd.testing.assert_frame_equal(first, shuffled)


def test_accuracy_counts_animals_without_phenotype():
    predictions, truth = long_tables()
    truth["observed"] = np.nan
    scores = metrics.score_predictions(predictions, truth)
    by_metric = scores.query("method == 'gblup'").groupby("metric")["value"]
    assert (by_metric.get_group("n_observed") == 0).all()
    assert by_metric.get_group("r").isna().all()
    assert by_metric.get_group("accuracy_genetic").to_numpy() == pytest.approx(1.0)


def test_two_observations_give_nan_and_a_word_in_the_log(caplog):
    predictions, truth = long_tables()
    poor = (truth["fold"] == 1) & (truth["trait"] == "fat") & (truth["repeat"] == 1)
    truth.loc[truth.index[poor][2:], "observed"] = np.nan
    with caplog.at_level(logging.WARNING):
        scores = metrics.score_predictions(predictions, truth)
    hit = scores.query("repeat == 1 and fold == 1 and trait == 'fat'")
    assert hit.loc[hit["metric"] == "mse", "value"].isna().all()
    assert scores.query("trait == 'lean' and metric == 'mse'")["value"].notna().all()
    assert "d/markers/gblup/1/1/fat: 2 observed" in caplog.text


def test_a_prediction_without_truth_is_an_error():
    predictions, truth = long_tables()
    with pytest.raises(ValueError, match="predictions without truth"):
        metrics.score_predictions(predictions, truth[truth["fold"] == 1])
    with pytest.raises(pd.errors.MergeError):
        metrics.score_predictions(predictions, pd.concat([truth, truth]))


def test_summary_is_mean_and_sample_sd_of_the_defined_runs():
    scores = pd.DataFrame(
        {
            "dataset": "d",
            "setting": "markers",
            "method": "brr",
            "repeat": [1, 1, 2, 2],
            "fold": [1, 2, 1, 2],
            "trait": "fat",
            "metric": "r",
            "value": [0.1, 0.3, np.nan, 0.8],
        }
    )
    row = metrics.summarise(scores).iloc[0]
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(0.4)
    assert row["sd"] == pytest.approx(np.sqrt((0.09 + 0.01 + 0.16) / 2))
