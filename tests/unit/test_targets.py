import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.protocol.targets import count_effects, make_targets, restate
from grvsnn.scoring.metrics import score_predictions

N = 60
IDS = [f"a{i}" for i in range(N)]


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    sex = rng.choice(["F", "M"], N)
    age = rng.normal(size=N)
    weight = rng.normal(size=N) + 3 * (sex == "M") + 2 * age
    height = rng.normal(size=N)
    height[5] = np.nan
    phenotypes = pd.DataFrame({"sample_id": IDS, "weight": weight, "height": height})
    covariates = pd.DataFrame({"sample_id": IDS, "sex": sex, "age": age})
    fold_of = rng.permutation(np.arange(N) % 3) + 1
    folds = pd.concat(
        pd.DataFrame(
            {
                "repeat": 1,
                "fold": fold,
                "sample_id": IDS,
                "role": np.where(fold_of == fold, "test", "train"),
            }
        )
        for fold in (1, 2, 3)
    )
    return phenotypes, covariates, folds


def matrix(training, fold):
    part = training[training["fold"] == fold]
    return part.set_index("sample_id").loc[IDS, ["weight", "height"]].to_numpy()


def test_training_rows_are_standardised_and_test_rows_hidden(data):
    phenotypes, covariates, folds = data
    training, truth = make_targets(phenotypes, covariates, folds)
    for fold, part in folds.groupby("fold"):
        Y = matrix(training, fold)
        test = part["role"].to_numpy() == "test"
        assert np.isnan(Y[test]).all()
        np.testing.assert_allclose(np.nanmean(Y[~test], axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(np.nanstd(Y[~test], axis=0), 1, atol=1e-12)
    assert len(truth) == N * 2
    assert truth["observed"].isna().sum() == 1


def test_adjustment_is_least_squares_of_training_rows(data):
    phenotypes, covariates, folds = data
    _, truth = make_targets(phenotypes[["sample_id", "weight"]], covariates, folds)
    test = folds[folds["fold"] == 1]["role"].to_numpy() == "test"
    male = covariates["sex"].to_numpy() == "M"
    X = np.column_stack([np.ones(N), covariates["age"], male])
    y = phenotypes["weight"].to_numpy()
    beta = np.linalg.solve(X[~test].T @ X[~test], X[~test].T @ y[~test])
    expected = (y - X @ beta)[test] / (y - X @ beta)[~test].std()
    observed = truth[truth["fold"] == 1].set_index("sample_id")["observed"]
    np.testing.assert_allclose(
        observed.loc[np.array(IDS)[test]].to_numpy(), expected, atol=1e-10
    )


@pytest.mark.parametrize("poison", ["random", "nan"])
def test_poisoned_test_phenotypes_never_reach_training(data, poison):
    phenotypes, covariates, folds = data
    clean, _ = make_targets(phenotypes, covariates, folds)
    test = folds[folds["fold"] == 2]["role"].to_numpy() == "test"
    bad = phenotypes.copy()
    values = np.random.default_rng(1).normal(size=(test.sum(), 2)) * 100
    bad.loc[test, ["weight", "height"]] = values if poison == "random" else np.nan
    poisoned, _ = make_targets(bad, covariates, folds)
    np.testing.assert_array_equal(matrix(clean, 2), matrix(poisoned, 2))
    # the check has teeth: folds that train on those rows do change
    assert not np.array_equal(matrix(clean, 1), matrix(poisoned, 1), equal_nan=True)


def test_published_protocol_leaves_test_phenotypes_in_sight(data):
    phenotypes, covariates, folds = data
    training, truth = make_targets(phenotypes, covariates, folds, "published")
    Y = matrix(training, 1)
    np.testing.assert_allclose(np.nanmean(Y, axis=0), 0, atol=1e-12)
    one = truth[(truth["fold"] == 1) & (truth["trait"] == "weight")]
    rows = [IDS.index(i) for i in one["sample_id"]]
    np.testing.assert_array_equal(Y[rows, 0], one["observed"])


def test_level_unseen_in_training_has_no_effect(data):
    phenotypes, covariates, folds = data
    test = folds[folds["fold"] == 1]["role"].to_numpy() == "test"
    odd = covariates.copy()
    odd.loc[np.flatnonzero(test)[0], "sex"] = "unknown"
    training, truth = make_targets(phenotypes, odd, folds)
    reference, _ = make_targets(phenotypes, covariates, folds)
    np.testing.assert_allclose(matrix(training, 1), matrix(reference, 1), atol=1e-9)
    assert np.isfinite(truth[truth["trait"] == "weight"]["observed"]).all()


def test_animals_of_a_new_level_are_held_to_the_mean_of_the_others():
    """Batch C is only in test: mean 100 and SD 1 must not come out as 37 SD."""
    rng = np.random.default_rng(3)
    batch = np.repeat(["A", "B", "C"], 100)
    y = 100 + np.select([batch == "A", batch == "B"], [-2, 2]) + rng.normal(size=300)
    ids = [f"a{i}" for i in range(300)]
    phenotypes = pd.DataFrame({"sample_id": ids, "weight": y})
    covariates = pd.DataFrame({"sample_id": ids, "batch": batch})
    role = np.where(batch == "C", "test", "train")
    folds = pd.DataFrame({"repeat": 1, "fold": 1, "sample_id": ids, "role": role})
    _, truth = make_targets(phenotypes, covariates, folds)
    train = y[:200] - np.repeat([y[:100].mean(), y[100:200].mean()], 100)
    expected = (y[200:] - y[:200].mean()) / train.std()
    np.testing.assert_allclose(truth["observed"], expected, atol=1e-9)


def test_constant_trait_and_missing_covariate_are_refused(data):
    phenotypes, covariates, folds = data
    with pytest.raises(InputError, match="'weight' has 40 training phenotypes"):
        make_targets(phenotypes.assign(weight=1.0), None, folds)
    with pytest.raises(InputError, match="covariate 'age' has missing values"):
        make_targets(phenotypes, covariates.assign(age=np.nan), folds)


def test_covariates_that_explain_all_are_named(data):
    phenotypes, covariates, folds = data
    each = covariates.assign(date=[f"2024-{i}" for i in range(len(covariates))])
    with pytest.raises(InputError, match=r"entirely by the covariates .* date \(\d+ v"):
        make_targets(phenotypes, each, folds)


def predict(truth, trait, value):
    """Predict the same for all test animals, as the training mean does."""
    keys = ["repeat", "fold", "sample_id", "trait"]
    mine = truth.loc[truth["trait"] == trait, keys]
    names = {"dataset": "d", "setting": "s", "method": "mean-published"}
    values = dict.fromkeys(["predicted", "lower", "upper"], value)
    return mine.assign(**names, **values)


def mean_mse(predictions, truth):
    scores = score_predictions(predictions, truth)
    return scores.loc[scores["metric"] == "mse", "value"].mean()


def test_one_forecast_has_one_mse_whatever_protocol_its_unit_is_of():
    """40 animals and 13 effects: test phenotypes adjusted by themselves vary less."""
    rng = np.random.default_rng(5)
    ids = [f"a{i}" for i in range(40)]
    phenotypes = pd.DataFrame({"sample_id": ids, "y": 100 + 7 * rng.normal(size=40)})
    covariates = pd.DataFrame(rng.normal(size=(40, 12))).add_prefix("x")
    covariates.insert(0, "sample_id", ids)
    role = np.where(np.arange(40) % 2, "test", "train")
    folds = pd.DataFrame({"repeat": 1, "fold": 1, "sample_id": ids, "role": role})
    _, nested = make_targets(phenotypes, covariates, folds)
    _, published = make_targets(phenotypes, covariates, folds, "published")
    # the training mean, as each protocol's training phenotypes have it
    centre = published["centre"].iloc[0]
    assert abs(centre) > 0.01 and abs(nested["centre"].iloc[0]) < 1e-12
    forecast = predict(published, "y", centre)
    expected = mean_mse(predict(nested, "y", 0.0), nested)
    # what tables compared before: half of it is the unit
    assert mean_mse(forecast, published) < 0.7 * expected
    restated = restate(forecast, published, nested)
    assert mean_mse(restated, nested) == pytest.approx(expected, rel=1e-12)
    # 3 raw units above the training mean are so in every unit
    forecast = predict(published, "y", centre + 3 / published["sd"].iloc[0])
    restated = restate(forecast, published, nested)
    np.testing.assert_allclose(restated["upper"] * nested["sd"].iloc[0], 3, rtol=1e-12)


DAY = np.random.default_rng(8).integers(0, 900, N)
DATES = {
    "days": DAY + 0.0,
    "milliseconds since 1970": 1546300800000.0 + 86400000.0 * DAY,
    "nanoseconds since 1970": 1.5463008e18 + 8.64e13 * DAY,
    "minutes as digits, a line for this test": 201903010000.0 + 1440.0 * DAY,
    "a distance in light years": 1e-16 * DAY,
}


@pytest.mark.parametrize("unit", DATES)
def test_adjustment_does_not_depend_on_a_covariates_zero_and_unit(data, unit):
    """Least squares lost a date in milliseconds: r of what it left with it 0.75."""
    phenotypes, covariates, folds = data
    trend = phenotypes.assign(weight=phenotypes["weight"] + DAY / 100)
    tables = [
        make_targets(trend, covariates.assign(born=DATES[name]), folds)
        for name in ("days", unit)
    ]
    # a date in nanoseconds is held to some 1e-9 of its spread
    np.testing.assert_allclose(
        matrix(tables[0][0], 1), matrix(tables[1][0], 1), atol=1e-6
    )
    seen = matrix(tables[1][0], 1)[:, 0]
    known = ~np.isnan(seen)
    assert abs(np.corrcoef(seen[known], DAY[known])[0, 1]) < 1e-6


def test_constant_and_repeated_covariates_change_nothing(data):
    phenotypes, covariates, folds = data
    more = covariates.assign(
        constant=0.1,
        epoch=1.6e12,
        twice=2 * covariates["age"] + 1e7,
        clan=covariates["sex"],
    )
    one, other = (make_targets(phenotypes, c, folds)[0] for c in (covariates, more))
    for fold in (1, 2, 3):
        np.testing.assert_allclose(matrix(one, fold), matrix(other, fold), atol=1e-7)


def test_effects_are_counted_by_rank(data):
    phenotypes, covariates, folds = data
    pens = [f"pen {i % 5}" for i in range(N)]
    twice = covariates["age"] * 1e9
    counts = count_effects(phenotypes, covariates.assign(pen=pens, twice=twice), folds)
    assert len(counts) == 3 * 2
    # intercept, age, one of two sexes, 4 of 5 pens
    assert set(counts["n_effects"]) == {1 + 1 + 1 + 4}
    height = counts[counts["trait"] == "height"]["n_animals"]
    # one height is missing: in two folds of three it is a training animal's
    assert sorted(height) == [39, 39, 40]
