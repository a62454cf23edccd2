"""Multiplicative effects: their limits, and grvsnn_plus as a method."""

import json
import math

import numpy as np
import pytest
import torch
import toy_tasks
from grvsnn.errors import InputError
from grvsnn.files import write_json
from grvsnn.methods.grvsnn_plus import PlusParams, fit, make_regimes, stack
from grvsnn.multiplicative import gradient_flow
from grvsnn.tasks import standardise


def normal(*shape, seed=0):
    return torch.randn(
        *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def run(X, Y, alpha, steps=700):
    """Follow the flow to its end: validation on the training rows never stops it."""
    alpha = torch.full((X.shape[1], Y.shape[1]), alpha, dtype=X.dtype)
    return gradient_flow(X, Y, X, Y, alpha, max_steps=steps, patience=steps)


@pytest.mark.parametrize("alpha", [0.03, 1.0])
def test_ends_at_least_squares_where_that_is_unique(alpha):
    X, noise = normal(200, 5), normal(200, 1, seed=1)
    Y = X @ torch.tensor([[1.0], [-2.0], [0.0], [0.5], [0.0]], dtype=X.dtype) + noise
    expected = torch.linalg.lstsq(X, Y).solution
    torch.testing.assert_close(run(X, Y, alpha).effects, expected, atol=1e-3, rtol=0)


def test_start_scale_moves_from_least_norm_to_sparse():
    """40 equations, 100 unknowns, 3 of them non-zero, no noise."""
    X = normal(40, 100)
    truth = torch.zeros(100, 1, dtype=X.dtype)
    truth[[3, 50, 80], 0] = torch.tensor([1.0, -1.0, 2.0], dtype=X.dtype)
    Y = X @ truth
    dense, sparse = run(X, Y, 3.0).effects, run(X, Y, 1e-4).effects
    least_norm = torch.linalg.pinv(X) @ Y
    torch.testing.assert_close(dense, least_norm, atol=0.02, rtol=0)
    torch.testing.assert_close(sparse, truth, atol=0.02, rtol=0)


def test_columns_are_independent_and_gaps_are_dropped():
    X, Y = normal(60, 20), normal(60, 2, seed=1)
    gaps = Y.clone()
    gaps[10:25, 0] = math.nan
    kept = torch.cat([torch.arange(10), torch.arange(25, 60)])
    effects = run(X, gaps, 0.1).effects
    alone = run(X[kept], Y[kept, :1], 0.1).effects
    full = run(X, Y[:, 1:], 0.1).effects
    torch.testing.assert_close(effects[:, :1], alone, atol=1e-3, rtol=0)
    torch.testing.assert_close(effects[:, 1:], full, atol=1e-3, rtol=0)


def test_features_without_a_start_scale_stay_out():
    X, Y = normal(50, 4), normal(50, 1, seed=1)
    alpha = torch.tensor([[0.1], [0.0], [0.1], [0.0]], dtype=X.dtype)
    effects = gradient_flow(X, Y, X, Y, alpha).effects
    assert (effects[[1, 3]] == 0).all() and (effects[[0, 2]] != 0).all()


def test_pure_noise_is_stopped_early():
    X, Y = normal(80, 200), normal(80, 1, seed=1)
    X_new, Y_new = normal(40, 200, seed=2), normal(40, 1, seed=3)
    flow = gradient_flow(X, Y, X_new, Y_new, torch.full((200, 1), 0.1).double())
    assert flow.losses[0] <= Y_new.square().mean()
    assert flow.effects.norm() < 0.5 * run(X, Y, 0.1).effects.norm()


def test_stack_finds_the_mixture_and_reads_training_rows_only():
    rng = np.random.default_rng(0)
    held_out = rng.standard_normal((3, 200))
    y = 0.7 * held_out[0] + 0.3 * held_out[2]
    y[150:], y[3] = 1e6, np.nan
    weights = stack(held_out, y, np.arange(150))
    np.testing.assert_allclose(weights, [0.7, 0, 0.3], atol=1e-10)


QUICK = {"start_scales": [0.1, 0.01], "dominance_scales": [0.03], "max_steps": 60}


@pytest.fixture(scope="module")
def population():
    return toy_tasks.make_population(np.random.default_rng(7))


@pytest.fixture
def tasks(population):
    return toy_tasks.make_tasks(*population, method="grvsnn_plus")


def test_contract_threads_and_company(tasks, tmp_path):
    fits = fit(tasks, QUICK, 1)
    for task, one, two in zip(tasks, fits, fit(tasks, QUICK, 2), strict=True):
        np.testing.assert_array_equal(one.predicted, two.predicted)
        assert one.predicted.shape == (len(task.test), 2)
        assert one.importance.shape == one.selected.shape == (task.n_features, 2)
        assert one.feature_columns["dominance"].shape == (task.n_features, 2)
        write_json(one.info, tmp_path / "info.json")
        assert json.loads((tmp_path / "info.json").read_text())["weights"]
    alone = fit(tasks[1:2], QUICK, 1)[0]
    np.testing.assert_array_equal(alone.predicted, fits[1].predicted)


def test_test_phenotypes_are_never_read(tasks):
    task = tasks[0]
    poisoned = task.Y.copy()
    poisoned[task.test] = 1e3
    one, two = fit([task, toy_tasks.change(task, Y=poisoned)], QUICK, 1)
    np.testing.assert_array_equal(one.predicted, two.predicted)
    np.testing.assert_array_equal(one.importance, two.importance)


@pytest.mark.parametrize("setting", ["markers", "pedigree"])
def test_other_settings(population, setting):
    task = toy_tasks.make_tasks(*population, method="grvsnn_plus", setting=setting)[0]
    result = fit([task], QUICK, 1)[0]
    assert np.isfinite(result.predicted).all()
    regimes = make_regimes(task, PlusParams())
    assert all((r.additive > 0) == (setting == "markers") for r in regimes)
    assert all((r.loading > 0) == (setting == "pedigree") for r in regimes)


def test_dominance_is_found_where_it_is():
    """Overdominant loci at frequency 1/2 have no additive effect to find."""
    rng = np.random.default_rng(3)
    genotypes = rng.binomial(2, 0.5, (400, 30)).astype(np.int8)
    heterozygous = standardise(genotypes == 1, np.arange(400))
    value = heterozygous[:, 4] - heterozygous[:, 9]
    Y = np.column_stack([value, genotypes[:, 2]]) + rng.standard_normal((400, 2))
    task = toy_tasks.make_tasks(
        genotypes, np.zeros((400, 0)), Y, method="grvsnn_plus", setting="markers"
    )[0]
    result = fit([task], {}, 1)[0]
    assert np.corrcoef(result.predicted[:, 0], value[task.test])[0, 1] > 0.85
    assert set(np.argsort(-result.importance[:, 0])[:2]) == {4, 9}
    assert result.feature_columns["dominance"][4, 0] > 0.5
    assert result.importance[:, 1].argmax() == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"start_scale": 0.1}, "start_scale"),
        ({"start_scales": [0.1, -1]}, "positive"),
        ({"loading_scales": 0.1}, "wrong type"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_wrong_parameters_give_one_clear_error(tasks, params, message):
    with pytest.raises(InputError, match=message):
        fit(tasks, params, 1)
