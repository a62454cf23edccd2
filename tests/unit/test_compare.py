import warnings

import numpy as np
import pandas as pd
import pytest
from grvsnn.scoring.comparisons import (
    compare_methods,
    compare_settings,
    correlated_t,
    holm,
)
from scipy import stats


def scores_of(values, metric="r", setting="markers", trait="fat", folds=5):
    """Long scores from {method: runs}."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "dataset": "d",
                    "setting": setting,
                    "method": method,
                    "repeat": np.arange(len(runs)) // folds + 1,
                    "fold": np.arange(len(runs)) % folds + 1,
                    "trait": trait,
                    "metric": metric,
                    "value": runs,
                }
            )
            for method, runs in values.items()
        ],
        ignore_index=True,
    )


def test_uncorrelated_runs_give_the_ordinary_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 12))
    got = correlated_t(a - b, rho=0.0)
    expected = stats.ttest_rel(a, b)
    interval = expected.confidence_interval(0.95)
    assert (got.t, got.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert (got.lower, got.upper) == pytest.approx((interval.low, interval.high))


def test_corrected_statistic_by_hand():
    d = np.array([0.02, 0.05, 0.01, 0.04, 0.03])
    # variance 2.5e-4, corrected factor 1/5 + 1/4
    got = correlated_t(d, rho=0.2)
    assert got.t == pytest.approx(0.03 / np.sqrt(0.45 * 2.5e-4))
    assert got.p == pytest.approx(2 * stats.t.sf(got.t, 4))


def test_posterior_probabilities():
    rng = np.random.default_rng(1)
    d = rng.normal(0.01, 0.05, size=50)
    got = correlated_t(d, rho=0.2, rope=0.02)
    assert got.p_below + got.p_rope + got.p_above == pytest.approx(1.0)
    draws = stats.t(49, got.difference, got.difference / got.t).rvs(
        200_000, random_state=2
    )
    # Monte Carlo error below 0.005
    assert got.p_above == pytest.approx(np.mean(draws > 0.02), abs=0.005)
    assert got.p_below == pytest.approx(np.mean(draws < -0.02), abs=0.005)
    mirrored = correlated_t(-d, rho=0.2, rope=0.02)
    assert mirrored.p_below == pytest.approx(got.p_above)
    # without a region of equivalence the posterior is the one-sided p value
    one_sided = correlated_t(d, rho=0.2, rope=0.0)
    assert min(one_sided.p_below, one_sided.p_above) == pytest.approx(one_sided.p / 2)


def test_equal_differences_are_certain_and_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zero, large = correlated_t(np.zeros(5), 0.2), correlated_t(np.ones(5), 0.2)
        single = correlated_t(np.array([0.1, np.nan]), 0.2)
    assert (zero.p, zero.p_rope) == (1.0, 1.0)
    assert (large.p, large.p_above) == (0.0, 1.0)
    assert single.n == 1
    assert single.difference == 0.1
    assert np.isnan(single.p)


ROUNDING_ERRORS = {
    "constant": np.full(50, 2.0**-54),
    "tiny": 1e-10 * np.random.default_rng(5).uniform(0.5, 1.5, 50),
    "of an optimiser": 1e-7 * np.random.default_rng(5).uniform(0.5, 1.5, 50),
}


@pytest.mark.parametrize("error", ROUNDING_ERRORS.values(), ids=ROUNDING_ERRORS)
def test_differences_within_rounding_are_equal(error):
    r = np.random.default_rng(6).normal(0.3, 0.05, 50)
    between = compare_methods(scores_of({"brr": r, "gblup": r + error}), ["r"])
    both = [scores_of({"brr": r}), scores_of({"brr": r + error}, setting="pedigree")]
    for row in (between.iloc[0], compare_settings(pd.concat(both)).iloc[0]):
        assert (row["p"], row["p_holm"], row["difference"]) == (1.0, 1.0, 0.0)
        assert (row["lower"], row["upper"], row["p_rope"]) == (0.0, 0.0, 1.0)


def test_rounding_is_that_of_the_scores():
    large = 1e6 * np.random.default_rng(7).uniform(1, 2, 10)
    scores = scores_of({"a": large, "b": large + 1e-4}, metric="n_selected")
    assert compare_methods(scores, ["n_selected"], "a")["p"].item() == 1.0
    small = large / 1e6
    scores = scores_of({"a": small, "b": small + 1e-4}, metric="mse")
    assert compare_methods(scores, ["mse"], "a")["p"].item() < 1e-6


def test_the_best_has_a_score_in_every_run():
    rng = np.random.default_rng(9)
    r = {name: rng.normal(0.3, 0.02, 5) for name in ("brr", "blasso", "gblup")}
    r["blasso"] -= 0.1
    r["gblup"] = np.where(np.arange(5) < 2, 0.9, np.nan)
    table = compare_methods(scores_of(r)).set_index("method")
    assert set(table["reference"]) == {"brr"}
    assert table.loc[["blasso", "gblup"], "n"].tolist() == [5, 2]
    assert (table["runs"] == 5).all()
    # where no method has all runs, none is the best
    r["brr"] = r["blasso"] = np.where(np.arange(5) > 0, 0.3, np.nan)
    assert compare_methods(scores_of(r)).empty


def false_positive_rates(rho, n=50, n_sets=4000):
    """Of 5 % tests on equicorrelated null differences, corrected and not."""
    rng = np.random.default_rng(3)
    shared = rng.normal(size=(n_sets, 1))
    d = np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.normal(size=(n_sets, n))
    t = d.mean(axis=1) / d.std(axis=1, ddof=1)
    cut = stats.t.ppf(0.975, n - 1)
    return [
        np.mean(np.abs(t) > cut * np.sqrt(1 / n + extra))
        for extra in (rho / (1 - rho), 0.0)
    ]


def test_false_positives_hold_their_level_only_when_corrected():
    rho = 0.2
    corrected, ordinary = false_positive_rates(rho)
    # the binomial SD of 4000 tests at 5 % is 0.0034
    assert corrected == pytest.approx(0.05, abs=0.014)
    assert ordinary > 0.4
    # the vectorised statistic is that of the function under test
    rng = np.random.default_rng(3)
    d = rng.normal(size=50)
    t = d.mean() / d.std(ddof=1) / np.sqrt(1 / 50 + rho / (1 - rho))
    assert correlated_t(d, rho).t == pytest.approx(t)


def test_holm_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(p[::-1]) == pytest.approx([0.02, 0.06, 0.06, 0.03])
    assert holm(np.array([0.6, 0.9])) == pytest.approx([1.0, 1.0])
    assert holm(np.array([0.02])) == pytest.approx([0.02])


def test_holm_passes_over_missing_p_values():
    got = holm(np.array([0.01, np.nan, 0.03]))
    assert got[[0, 2]] == pytest.approx([0.02, 0.03])
    assert np.isnan(got[1])
    assert holm(np.array([])).shape == (0,)


def test_holm_controls_the_familywise_error():
    rng = np.random.default_rng(4)
    families = rng.random((3000, 6))
    errors = np.mean([(holm(p) <= 0.05).any() for p in families])
    # binomial SD 0.004
    assert errors == pytest.approx(0.05, abs=0.016)


@pytest.mark.parametrize(("metric", "best"), [("r", "grvsnn"), ("mse", "brr")])
def test_the_reference_is_the_best_by_the_metrics_direction(metric, best):
    rng = np.random.default_rng(5)
    values = {"brr": 0.3, "gblup": 0.35, "grvsnn": 0.6}
    noise = {name: mean + 0.01 * rng.normal(size=50) for name, mean in values.items()}
    table = compare_methods(scores_of(noise, metric))
    assert set(table["reference"]) == {best}
    assert (table["p_worse"] > 0.9).all()
    assert (table["p_holm"] >= table["p"]).all()


def test_a_named_reference_and_signs():
    rng = np.random.default_rng(6)
    base = rng.normal(0.3, 0.05, size=50)
    values = {"gblup": base, "brr": base + 0.1 + 0.01 * rng.normal(size=50)}
    table = compare_methods(scores_of(values), reference="gblup")
    assert table["method"].tolist() == ["brr"]
    row = table.iloc[0]
    assert row["difference"] == pytest.approx(0.1, abs=0.01)
    assert row["p_better"] > 0.99
    as_mse = compare_methods(
        scores_of(values, "mse"), reference="gblup", metrics=["mse"]
    )
    assert as_mse.iloc[0]["p_worse"] == pytest.approx(row["p_better"])


def test_runs_are_paired_by_repeat_and_fold():
    rng = np.random.default_rng(7)
    values = {"gblup": rng.normal(size=50), "brr": rng.normal(size=50)}
    scores = scores_of(values)
    first = compare_methods(scores, reference="gblup")
    second = compare_methods(scores.sample(frac=1, random_state=1), reference="gblup")
    pd.testing.assert_frame_equal(first, second)
    d = values["brr"] - values["gblup"]
    assert first.iloc[0]["t"] == pytest.approx(correlated_t(d, rho=0.2).t)


def test_methods_without_the_metric_have_no_row():
    values = {"gblup": np.linspace(0, 1, 10), "brr": np.ones(10), "mean": [np.nan] * 10}
    table = compare_methods(scores_of(values))
    assert set(table["method"]) | set(table["reference"]) == {"gblup", "brr"}
    nothing = compare_methods(scores_of({"mean": [np.nan] * 10}))
    assert nothing.empty
    assert list(nothing) == list(table)


def test_a_run_scored_twice_is_an_error():
    scores = scores_of({"gblup": np.arange(5.0), "brr": np.ones(5)})
    with pytest.raises(ValueError, match="duplicate"):
        compare_methods(pd.concat([scores, scores]))


def test_settings_are_compared_within_a_method():
    rng = np.random.default_rng(8)
    base = {"gblup": rng.normal(0.3, 0.05, 50), "brr": rng.normal(0.2, 0.05, 50)}
    gain = {"gblup": base["gblup"] + 0.05, "brr": base["brr"]}
    both = pd.concat([scores_of(base), scores_of(gain, setting="markers_pedigree")])
    table = compare_settings(both).set_index("method")
    assert table.loc["gblup", "difference"] == pytest.approx(0.05)
    assert table.loc["gblup", "p_better"] == 1.0
    assert table.loc["brr", "p_rope"] == 1.0
    assert set(table["reference"]) == {"markers"}
