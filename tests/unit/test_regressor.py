"""GRVSNNRegressor: scikit-learn's conventions and what it adds to them."""

import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.estimator.regressor import GRVSNNRegressor
from grvsnn.estimator.saved_model import load_model, save_model
from sklearn.utils.estimator_checks import parametrize_with_checks

QUICK = {"learning_rate": 1e-2, "batch_size": 64, "max_epochs": 25, "patience": 10}
TINY = {"learning_rate": 2e-2, "batch_size": 64, "max_epochs": 10}


@parametrize_with_checks([GRVSNNRegressor(**TINY)])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    """300 animals, 40 markers, 3 loadings; trait 0 from marker 3, trait 1 from a
    loading."""
    rng = np.random.default_rng(5)
    X = np.empty((300, 43))
    X[:, :40] = rng.integers(0, 3, (300, 40))
    X[:, 40:] = rng.standard_normal((300, 3))
    Y = np.column_stack([2 * X[:, 3], 30 + 5 * X[:, 41]])
    return X, Y + 0.5 * rng.standard_normal(Y.shape)


@pytest.fixture(scope="module")
def model(data):
    return GRVSNNRegressor(**QUICK, random_state=1).fit(*data)


def test_finds_each_traits_feature(data, model):
    np.testing.assert_array_equal(model.trait_importances_.argmax(0), [3, 41])
    np.testing.assert_array_equal(model.trait_importances_.max(0), 1)
    assert model.get_support(trait=0)[3] and model.get_support(trait=1)[41]
    assert 41 in model.get_support(indices=True)
    assert model.score(*data) > 0.7
    # effects are per standard deviation of the feature, in units of y
    assert model.effects_[3, 0] == pytest.approx(2 * data[0][:, 3].std(), rel=0.3)


def test_columns_may_stand_in_any_order(data):
    X, Y = data
    order = np.random.default_rng(0).permutation(43)
    moved = GRVSNNRegressor(**QUICK, random_state=1).fit(X[:, order], Y)
    assert order[moved.trait_importances_[:, 0].argmax()] == 3
    assert order[moved.trait_importances_[:, 1].argmax()] == 41


def test_int8_and_float_dosages_are_the_same(data):
    X, Y = data[0][:, :40], data[1][:, 0]
    as_float = GRVSNNRegressor(**QUICK, random_state=2).fit(X, Y)
    as_int = GRVSNNRegressor(**QUICK, random_state=2).fit(X.astype(np.int8), Y)
    np.testing.assert_array_equal(as_float.predict(X), as_int.predict(X))
    assert as_int.predict(X).shape == (300,)


def test_fractional_new_dosages_are_continuous_in_the_dosage(data, model):
    X = data[0][:20].copy()
    expected = model.predict(X)
    X[0, 0] += 1e-6
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-4)


def test_fractional_dosages_do_not_free_other_features_of_their_range(data, model):
    X = data[0][:20].copy()
    X[0, 41] = 10 * data[0][:, 41].max()
    expected = model.predict(X)
    X[0, 0] += 1e-6
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-4)


def test_gaps_in_x_take_the_training_mean_and_gaps_in_y_are_skipped(data):
    X, Y = (part.copy() for part in data)
    X[::7, 5], X[::9, 42], Y[::4, 0] = np.nan, np.nan, np.nan
    model = GRVSNNRegressor(**QUICK, random_state=1).fit(X, Y)
    assert np.isfinite(model.predict(X)).all()
    filled = X.copy()
    filled[::7, 5] = np.rint(np.nanmean(X[:, 5]))
    filled[::9, 42] = np.nanmean(X[:, 42])
    np.testing.assert_allclose(model.predict(X), model.predict(filled), rtol=1e-6)
    with pytest.raises(InputError, match="no observed value"):
        GRVSNNRegressor().fit(X, np.full(300, np.nan))


def test_saved_model_predicts_the_same(data, tmp_path):
    X, Y = data
    groups = ["marker"] * 40 + ["loading"] * 3
    model = GRVSNNRegressor(
        **QUICK, members=2, feature_groups=groups, random_state=1
    ).fit(X, Y)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(
        loaded.feature_importances_, model.feature_importances_
    )
    assert loaded.group_importances_ == model.group_importances_
    assert sum(model.group_importances_.values()) == pytest.approx(1)
    np.testing.assert_array_equal(
        loaded.predict_interval(X, 0.8), model.predict_interval(X, 0.8)
    )
    assert loaded.markers_ is None and loaded.traits_ is None
    assert loaded.get_params()["members"] == 2
    with pytest.raises(InputError, match="cannot read"):
        load_model(tmp_path / "absent")


def test_one_members_interval_is_split_conformal(data, model):
    X, Y = data
    bounds = model.predict_interval(X[:20])
    assert bounds.shape == (20, 2, 2)
    half = (bounds[..., 1] - bounds[..., 0]) / 2
    np.testing.assert_allclose(half, half[:1] + 0 * half)
    np.testing.assert_allclose(bounds.mean(axis=-1), model.predict(X[:20]))
    # 60 validation rows: the 55th smallest absolute residual, so at least 55 within
    everyone = model.predict_interval(X)
    inside = (everyone[..., 0] <= Y) & (Y <= everyone[..., 1])
    assert (inside.sum(axis=0) >= 55).all()
    one = GRVSNNRegressor(**QUICK, random_state=1).fit(X, Y[:, 0])
    assert one.predict_interval(X).shape == (300, 2)


def test_all_rows_calibrate_members_that_share_them_out(data):
    X, Y = data
    Y = Y.copy()
    Y[:50, 0] = np.nan
    model = GRVSNNRegressor(**QUICK, members=5, random_state=1).fit(X, Y)
    assert model._residuals.shape == (300, 2)
    assert np.isnan(model._residuals).sum(axis=0).tolist() == [50, 0]
    # out-of-fold residuals are as large as the noise, in the units of y
    spread = np.nanstd(model._residuals, axis=0)
    assert (spread > 0.5).all() and (spread < Y.std(axis=0, where=~np.isnan(Y))).all()


def test_intervals_cover_new_animals(data):
    """Six fits on 150 animals, skewed noise; one coverage has an SD of about 0.025."""
    rng = np.random.default_rng(9)
    covered = []
    for seed in range(6):
        X = rng.integers(0, 3, (1000, 8)).astype(np.int8)
        y = 2.0 * X[:, 3] + rng.exponential(size=1000)
        model = GRVSNNRegressor(**TINY, members=5, random_state=seed)
        bounds = model.fit(X[:150], y[:150]).predict_interval(X[150:])
        covered.append(np.mean((bounds[:, 0] <= y[150:]) & (y[150:] <= bounds[:, 1])))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.03)


def test_traits_are_predicted_in_their_units(data, model):
    predicted = model.predict(data[0])
    np.testing.assert_allclose(predicted.mean(0), data[1].mean(0), rtol=0.15)


@pytest.mark.parametrize(
    "wrong",
    [
        {"validation_fraction": 0.9},
        {"members": 9},
        {"gate": "relu"},
        {"feature_groups": ["a"]},
        {"device": "tpu"},
    ],
)
def test_impossible_choices_are_refused(data, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        GRVSNNRegressor(**({"max_epochs": 1} | wrong)).fit(*data)
