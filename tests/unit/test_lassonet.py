"""LassoNet: masked loss, the path's choice, its limits and its protocol."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from grvsnn.base.errors import InputError
from grvsnn.methods import lassonet
from grvsnn.models.lassonet.products import Products, find_levels, serves
from grvsnn.models.lassonet.recipe import Options, Setting
from grvsnn.models.lassonet.regressor import (
    FastLassoNet,
    MaskedLassoNet,
    MaskedMSE,
    make_regressor,
    proximal_step,
)
from lassonet.model import LassoNet

from tests.unit.toy_tasks import change, make_population, make_tasks

QUICK = {
    "hidden_dims": [4, 3],
    "n_iters": [20, 6],
    "patience": [10, 3],
    "path_multiplier": 1.5,
    "refit": False,
}


def toy(seed=1, **options):
    rng = np.random.default_rng(seed)
    population = make_population(rng, n_families=8, family_size=6, n_markers=20)
    return make_tasks(*population, method="lassonet", **options)


def test_the_masked_loss_is_the_mean_over_observed_entries():
    rng = np.random.default_rng(1)
    predicted, y = torch.tensor(rng.standard_normal((2, 9, 3)))
    loss = MaskedMSE()
    assert loss(predicted, y).item() == pytest.approx(
        torch.nn.MSELoss()(predicted, y).item()
    )
    y[2:5, 1] = torch.nan
    observed = ~torch.isnan(y)
    expected = ((predicted - y)[observed] ** 2).mean()
    assert loss(predicted, y).item() == pytest.approx(expected.item())


def test_a_missing_target_has_no_gradient():
    predicted = torch.zeros(4, 2, requires_grad=True)
    y = torch.ones(4, 2)
    y[1, 0] = torch.nan
    MaskedMSE()(predicted, y).backward()
    assert predicted.grad[1, 0] == 0.0
    assert torch.isfinite(predicted.grad).all()
    np.testing.assert_allclose(predicted.grad[0].numpy(), -2.0 / 7.0, rtol=1e-6)
    nothing = torch.full((4, 2), torch.nan)
    assert MaskedMSE()(predicted, nothing).item() == 0.0


def test_the_chosen_penalty_has_the_least_validation_error():
    tasks = toy(seed=2)[:2]
    for task, fit in zip(tasks, lassonet.fit(tasks, QUICK, 1), strict=True):
        path = fit.info["path"]
        errors = [step["validation_mse"] for step in path]
        assert fit.info["inner_score"] == min(errors)
        assert fit.info["steps"] == int(np.argmin(errors)) + 1
        assert fit.info["lambda"] == path[fit.info["steps"] - 1]["lambda"]
        penalties = np.array([step["lambda"] for step in path])
        assert penalties[0] == 0.0  # the dense network
        np.testing.assert_allclose(penalties[2:] / penalties[1:-1], 1.5)
        # the network that predicts is the one that was scored
        active = path[fit.info["steps"] - 1]["active"]
        assert fit.selected.sum(axis=0).tolist() == [active, active]
        assert fit.predicted.shape == (len(task.test), 2)


def test_the_path_stops_when_validation_error_has_grown():
    (fit,) = lassonet.fit(toy(seed=7)[:1], {**QUICK, "path_patience": 2}, 1)
    path = fit.info["path"]
    later = path[fit.info["steps"] :]
    n_features = fit.importance.shape[0]
    assert sum(step["active"] < n_features for step in later) == 2
    assert 0 < path[-1]["active"] < n_features
    (short,) = lassonet.fit(toy(seed=3)[:1], {**QUICK, "max_lambdas": 2}, 1)
    assert len(short.info["path"]) == 3


def test_a_huge_penalty_leaves_nothing():
    params = {**QUICK, "lambda_start": 1e6, "path_patience": 50, "max_lambdas": 3}
    (fit,) = lassonet.fit(toy(seed=4)[:1], params, 1)
    first = fit.info["path"][1]
    assert first["active"] == 0
    # every feature left at the first penalty, or is gone from the record
    out = fit.feature_columns["lambda_out"]
    np.testing.assert_array_equal(out, 1e6)


def test_importance_is_the_skip_weight_and_selection_its_support():
    # which step of the path is best depends on the machine's last bits
    (fit,) = lassonet.fit(toy(seed=6)[:1], {**QUICK, "path_patience": 30}, 1)
    effect = fit.feature_columns["effect"]
    assert fit.selected.any()
    np.testing.assert_allclose(
        fit.importance, np.abs(effect) / np.abs(effect).max(axis=0)
    )
    np.testing.assert_array_equal(fit.selected.any(axis=1), effect.any(axis=1))
    assert (fit.selected[:, 0] == fit.selected[:, 1]).all()
    # features that the chosen network has lost left at or before its penalty
    out = fit.feature_columns["lambda_out"]
    penalty = fit.info["lambda"] * (1 + 1e-6)  # the package keeps single precision
    assert (out[~fit.selected] <= penalty).all()
    assert not (out[fit.selected] <= penalty).any()


@pytest.mark.parametrize("M", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("shrinkage", [0.0, 1e-3, 0.02, 0.1])
def test_the_proximal_step_is_the_packages(M, shrinkage):
    torch.manual_seed(0)
    theirs = LassoNet(500, 16, 3)
    theirs.skip.weight.data[:, :20] = 0.0
    ours = copy.deepcopy(theirs)
    theirs.prox(lambda_=shrinkage, M=M)
    proximal_step(ours, shrinkage, M)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)
    assert torch.equal(ours.input_mask(), theirs.input_mask())
    # the bound by which skip connections decide what the layers may use
    bound = M * ours.skip.weight.norm(dim=0)
    assert (ours.layers[0].weight.abs().amax(dim=0) <= bound + 1e-6).all()


def mixed_features(rng, n, p):
    """Three levels, two, one, and as many as there are rows; standardised."""
    X = rng.binomial(2, 0.3, (n, p)).astype(np.float32)
    X[:, 1::5] = np.minimum(X[:, 1::5], 1)
    X[:, 2::7] = rng.standard_normal((n, len(X[0, 2::7])))
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-3)
    X[:, 4::9] = 0.5
    return torch.from_numpy(X.astype(np.float32))


@pytest.mark.parametrize(("n", "p", "k"), [(1, 1, 1), (40, 7, 3), (33, 90, 34)])
def test_products_by_tables_are_matrix_products(n, p, k):
    rng = np.random.default_rng(k)
    X = mixed_features(rng, n, p)
    products = Products(X, k)
    assert (products.n_tabled > 0) == serves(X, k)
    W = torch.from_numpy(rng.standard_normal((k, p)).astype(np.float32))
    D = torch.from_numpy(rng.standard_normal((n, k)).astype(np.float32))
    torch.testing.assert_close(products.forward(W), X @ W.T, rtol=0, atol=1e-4)
    torch.testing.assert_close(products.backward(D), D.T @ X, rtol=0, atol=1e-4)


def test_levels_are_those_of_the_features():
    X = mixed_features(np.random.default_rng(1), 50, 40)
    tabled, levels, codes = find_levels(X)
    counts = np.array([len(column.unique()) for column in X.T])
    assert tabled.tolist() == (counts <= 3).tolist()
    values = levels.gather(1, codes.long())
    torch.testing.assert_close(values[tabled], X.T[tabled], rtol=0, atol=0)


def test_without_a_compiler_products_are_torchs(monkeypatch):
    monkeypatch.setattr("grvsnn.models.lassonet.products.library", lambda: None)
    X = mixed_features(np.random.default_rng(2), 20, 12)
    products, W = Products(X, 2), torch.ones(2, 12)
    assert products.n_tabled == 0
    assert torch.equal(products.forward(W), X @ W.T)
    assert torch.equal(products.backward(X[:, :2]), X[:, :2].T @ X)


@pytest.mark.parametrize("M", [0.1, 20.0])
@pytest.mark.parametrize("backtrack", [True, False])
@pytest.mark.parametrize("dosages", [True, False])
def test_training_is_the_packages(M, backtrack, dosages):
    """The same losses, epochs and features along a path that goes sparse."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((120, 60)).astype(np.float32)
    if dosages:
        X = (X > -0.5).astype(np.float32) + (X > 0.7)
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    Y = X[:, :3] @ rng.normal(size=(3, 2)) + 0.5 * rng.standard_normal((120, 2))
    Y[::7, 1] = np.nan
    options = Options(
        hidden_dims=(6, 4), n_iters=(40, 15), backtrack=backtrack, start_scale=0.3
    )
    options = replace(options, learning_rates=(3e-3, 3e-3))
    setting = Setting(M, (6, 4), None)
    rows, held = X[:90], X[90:]
    found = []
    for kind in (FastLassoNet, MaskedLassoNet):
        regressor = make_regressor(options, setting, 5, torch.device("cpu"), kind)
        path = regressor.path(
            rows,
            Y[:90],
            X_val=held,
            y_val=Y[90:],
            lambda_seq=[1.0 * 1.6**k for k in range(14)],
            disable_lambda_warning=True,
        )
        found.append((path, regressor.predict(held)))
    (ours, predicted), (theirs, expected) = found
    assert [step.n_iters for step in ours] == [step.n_iters for step in theirs]
    kept = [int(step.selected.sum()) for step in ours]
    assert kept == [int(step.selected.sum()) for step in theirs]
    assert kept[0] == 60 and 0 < min(k for k in kept if k) < 30
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.selected, other.selected)
        np.testing.assert_allclose(one.val_loss, other.val_loss, rtol=1e-5)
        if np.isfinite(other.loss):
            np.testing.assert_allclose(one.loss, other.loss, rtol=1e-5)
    np.testing.assert_allclose(predicted, expected, atol=3e-3)


def test_mini_batches_are_the_packages_own():
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((40, 12)), rng.standard_normal((40, 1))
    options, setting = Options(n_iters=(5, 2)), Setting(1.0, (4, 3), 8)
    losses = []
    for kind in (FastLassoNet, MaskedLassoNet):
        regressor = make_regressor(options, setting, 5, torch.device("cpu"), kind)
        path = regressor.path(X, Y, X_val=X, y_val=Y, lambda_seq=[1.0])
        losses.append([step.loss for step in path])
    assert losses[0] == losses[1]


def test_finds_the_signal_and_prefers_causal_markers():
    rng = np.random.default_rng(6)
    genotypes, _, _ = make_population(rng, n_families=40)
    X = (genotypes - genotypes.mean(axis=0)) / genotypes.std(axis=0)
    Y = X[:, :2] @ np.array([[1.0, 0.8], [-1.0, 1.0]])
    Y += 0.7 * rng.standard_normal(Y.shape)
    tasks = make_tasks(
        genotypes, np.zeros((len(Y), 0)), Y, method="lassonet", setting="markers"
    )[:1]
    params = {"hidden_dims": [4, 3], "path_multiplier": 1.3}
    (fit,) = lassonet.fit(tasks, params, 1)
    for t in range(2):
        assert np.corrcoef(fit.predicted[:, t], Y[tasks[0].test, t])[0, 1] > 0.6
        assert set(np.argsort(-fit.importance[:, t])[:2]) == {0, 1}


@pytest.mark.parametrize("extra", [{}, {"batch_sizes": [16]}, {"dropout": 0.2}])
def test_nothing_depends_on_company_order_or_threads(extra):
    tasks = toy(seed=7)[:3]
    params = {**QUICK, **extra, "max_lambdas": 4, "refit": True}
    together = lassonet.fit(tasks, params, 2)
    torch.manual_seed(99)  # somebody else's draws must not matter
    for task, fit in zip(tasks[::-1], together[::-1], strict=True):
        (alone,) = lassonet.fit([task], params, 1)
        np.testing.assert_array_equal(alone.predicted, fit.predicted)
        np.testing.assert_array_equal(alone.importance, fit.importance)


def test_leaves_torch_as_it_found_it():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    lassonet.fit(toy(seed=8)[:1], {**QUICK, "max_lambdas": 1}, 1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_missing_phenotypes_are_left_out_per_trait():
    task = toy(seed=9)[0]
    Y = task.Y.copy()
    Y[task.train[::5], 0] = np.nan
    Y[task.train[3], :] = np.nan
    (fit,) = lassonet.fit([change(task, Y=Y)], {**QUICK, "max_lambdas": 5}, 1)
    assert np.isfinite(fit.predicted).all()
    # phenotypes in test rows are never looked at
    Y[task.test] = 1e3
    (poisoned,) = lassonet.fit([change(task, Y=Y)], {**QUICK, "max_lambdas": 5}, 1)
    np.testing.assert_array_equal(poisoned.predicted, fit.predicted)


def test_a_refit_on_the_same_rows_walks_the_same_path():
    """With all training rows inside the inner training set, nothing may change."""
    task = toy(seed=10)[0]
    validation = task.train[1::2]
    task = change(task, inner_splits=((task.train, validation),))
    params = {**QUICK, "max_lambdas": 6}
    (plain,) = lassonet.fit([task], {**params, "refit": False}, 1)
    (again,) = lassonet.fit([task], {**params, "refit": True}, 1)
    np.testing.assert_array_equal(plain.predicted, again.predicted)
    np.testing.assert_array_equal(plain.selected, again.selected)


def test_a_refit_uses_the_validation_rows():
    task = toy(seed=10)[0]
    params = {**QUICK, "max_lambdas": 6}
    (plain,) = lassonet.fit([task], {**params, "refit": False}, 1)
    (again,) = lassonet.fit([task], {**params, "refit": True}, 1)
    assert plain.info["path"] == again.info["path"]
    assert not np.array_equal(plain.predicted, again.predicted)


def test_tuning_tries_the_list_first_and_keeps_the_best():
    task = toy(seed=11)[0]
    params = {**QUICK, "M": [10, 40], "n_trials": 2, "max_lambdas": 4}
    params["M_range"] = [10, 50]
    (fit,) = lassonet.fit([task], params, 1)
    tried = fit.info["tried"]
    assert [trial["M"] for trial in tried[:2]] == [10.0, 40.0]
    assert len(tried) == 4
    assert all(10.0 <= trial["M"] <= 50.0 for trial in tried)
    best = min(tried, key=lambda trial: trial["inner_score"])
    assert (fit.info["M"], fit.info["lambda"]) == (best["M"], best["lambda"])
    # a value gives the same path alone as within a search
    (alone,) = lassonet.fit([task], {**QUICK, "M": 40, "max_lambdas": 4}, 1)
    assert alone.info["inner_score"] == tried[1]["inner_score"]


@pytest.mark.parametrize(
    "params",
    [
        {"path_multiplier": 1.0},
        {"M": [0.01]},
        {"M": [60]},
        {"M": []},
        {"hidden_dims": []},
        {"n_iters": [10]},
        {"patience": [0, 1]},
        {"lambda_start": -1.0},
        {"lambda_start": "soon"},
        {"dropout": 1.0},
        {"M_range": [50, 10]},
        {"learning_rates": [1e-3]},
        {"start_scale": 0},
        {"tolerance": 1},
        {"lambda_end": 0},
        {"batch_sizes": [16, 32]},
        {"batch_sizes": [0]},
    ],
)
def test_impossible_settings_are_refused(params):
    with pytest.raises(InputError, match=next(iter(params))):
        lassonet.fit(toy(), params, 1)


def test_unknown_settings_and_devices_are_refused():
    with pytest.raises(InputError, match="hidden_dim"):
        lassonet.fit(toy(), {"hidden_dim": [3]}, 1)
    with pytest.raises(InputError, match="no device"):
        lassonet.fit(toy(), {"device": "cuda:99"}, 1)


def test_a_fold_without_validation_phenotypes_is_refused():
    task = toy(seed=12)[0]
    with pytest.raises(InputError, match="validation"):
        lassonet.fit([change(task, inner_splits=())], QUICK, 1)
    with pytest.raises(InputError, match="found"):
        hidden = ((task.train, task.test),)
        lassonet.fit([change(task, inner_splits=hidden)], QUICK, 1)
