"""Multiplicative effects: their limits, and grvsnn_plus as a method."""

import json
import math

import numpy as np
import pytest
import torch
import toy_tasks
from grvsnn.base.errors import InputError
from grvsnn.base.files import write_json
from grvsnn.methods import gblup, mtgblup
from grvsnn.methods.grvsnn_plus import fit
from grvsnn.models.plus.gradient_flow import gradient_flow
from grvsnn.protocol.fold_task import column_moments, standardise


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


QUICK = {
    "relatives": [4, 8],
    "start_scales": [0.01],
    "dominance_scales": [0.03],
    "max_steps": 60,
}


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
        info = json.loads((tmp_path / "info.json").read_text())
        assert info["traits"] == list(task.traits)
        names = ["reml", "additive 0.01", "additive + dominance 0.03"]
        assert info["parts"] == names
        assert np.shape(info["weights"]) == (2, 3)
        kernels = {"markers", "loadings", "relatives"}
        assert all(set(info["layers"][t]["shares"]) == kernels for t in task.traits)
    alone = fit(tasks[1:2], QUICK, 1)[0]
    np.testing.assert_array_equal(alone.predicted, fits[1].predicted)


def test_test_phenotypes_are_never_read(tasks):
    task = tasks[0]
    poisoned = task.Y.copy()
    poisoned[task.test] = 1e3
    one, two = fit([task, toy_tasks.change(task, Y=poisoned)], QUICK, 1)
    np.testing.assert_array_equal(one.predicted, two.predicted)
    np.testing.assert_array_equal(one.importance, two.importance)


@pytest.mark.parametrize("n_traits", [1, 2])
@pytest.mark.parametrize("setting", ["markers_pedigree", "pedigree"])
def test_without_products_and_relatives_it_is_gblup(population, setting, n_traits):
    """The layers of markers and loadings alone are GBLUP, of all traits together."""
    genotypes, loadings, Y = population
    tasks = toy_tasks.make_tasks(
        genotypes, loadings, Y[:, :n_traits], method="grvsnn_plus", setting=setting
    )[:1]
    bare = {"relatives": [], "start_scales": [], "dominance_scales": []}
    method = gblup if n_traits == 1 else mtgblup
    plus, reference = fit(tasks, bare, 1)[0], method.fit(tasks, {}, 1)[0]
    assert plus.info["parts"] == ["reml"]
    facts = plus.info["layers"]["t0"]["shares"]
    assert list(facts) == reference.info["kernels"]
    assert facts == pytest.approx(reference.info["traits"]["t0"]["shares"])
    np.testing.assert_allclose(plus.predicted, reference.predicted, atol=1e-10)
    np.testing.assert_allclose(
        plus.feature_columns["effect"],
        reference.feature_columns["effect"],
        atol=1e-10,
    )


def test_curves_are_additive_effects_and_dominance_deviations(tasks):
    task, result = tasks[0], fit(tasks[:1], QUICK, 1)[0]
    columns = result.feature_columns
    curve = np.stack([columns[f"curve_{dosage}"] for dosage in range(3)])
    marker = slice(0, task.n_markers)
    sd = column_moments(task.genotypes, task.train)[1]
    slope = (curve[2, marker] - curve[0, marker]) / 2
    # a dosage that no training animal has leaves a gap
    known = np.isfinite(slope)
    assert known.mean() > 0.8
    expected = columns["effect"][marker]
    np.testing.assert_allclose((slope * sd[:, None])[known], expected[known])
    assert np.isnan(curve[:, task.n_markers :]).all()
    # contributions are centred on the training animals
    frequency = [(task.genotypes[task.train] == k).mean(0) for k in range(3)]
    mean = np.einsum("km,kmt->mt", frequency, np.nan_to_num(curve[:, marker]))
    np.testing.assert_allclose(mean, 0, atol=1e-12)


def test_intervals_surround_the_prediction(tasks):
    result = fit(tasks[:1], QUICK, 1)[0]
    lower, upper = result.intervals[..., 0], result.intervals[..., 1]
    assert (lower < result.predicted).all() and (result.predicted < upper).all()


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
        ({"relatives": [10, 0]}, "positive"),
        ({"dominance_scales": 0.1}, "wrong type"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_wrong_parameters_give_one_clear_error(tasks, params, message):
    with pytest.raises(InputError, match=message):
        fit(tasks, params, 1)
