"""Multi-trait GBLUP: its likelihood, its limits, and what correlated traits tell."""

import dataclasses

import numpy as np
import pytest
from grvsnn.methods import gblup, mtgblup
from grvsnn.models.mixed import multitrait
from grvsnn.models.mixed.multitrait import fit_covariances, solve_jointly
from grvsnn.models.mixed.reml import build_contrasts, fit_reml

from tests.unit.toy_tasks import make_population, make_tasks


def correlated(seed, setting="markers", n_families=30):
    """Folds of two traits whose genetic correlation is high."""
    rng = np.random.default_rng(seed)
    genotypes, L, Y = make_population(rng, n_families, 8, n_traits=1, h2=0.4)
    other = Y[:, 0] + rng.normal(size=len(Y)) * Y.std()
    return make_tasks(
        genotypes, L, np.column_stack([Y, other]), method="mtgblup", setting=setting
    )


@pytest.mark.parametrize("setting", ["markers", "markers_pedigree", "pedigree"])
def test_one_trait_is_gblup(setting):
    tasks = correlated(1, setting)[:2]
    tasks = [dataclasses.replace(t, Y=t.Y[:, :1], traits=("t0",)) for t in tasks]
    for joint, single in zip(
        mtgblup.fit(tasks, {}, 1), gblup.fit(tasks, {}, 1), strict=True
    ):
        np.testing.assert_allclose(joint.predicted, single.predicted, atol=2e-3)
        np.testing.assert_allclose(joint.importance, single.importance, atol=0.02)


def dense_likelihood(Y, kernels, found):
    """Restricted log-likelihood with the nT x nT matrix written out."""
    n, T = Y.shape
    V = np.kron(np.eye(n), found.residual)
    for K, S in zip(kernels, found.kernels, strict=True):
        V += np.kron(K, S)
    X = np.kron(np.ones((n, 1)), np.eye(T))
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    y = Y.ravel()
    sizes = np.linalg.slogdet(V)[1] + np.linalg.slogdet(X.T @ inverse @ X)[1]
    # contrasts are orthonormal: |X'X| is n for each trait
    return -0.5 * (sizes + y @ P @ y - T * np.log(n))


@pytest.mark.parametrize("with_loadings", [False, True])
def test_the_likelihood_is_the_dense_one_and_at_its_top(with_loadings):
    rng = np.random.default_rng(2)
    X, L, Y = make_population(rng, 10, 6, n_traits=2)
    G = X @ X.T / X.shape[1]
    contrasts = build_contrasts(G, [L] if with_loadings else [])
    found = fit_covariances(Y, contrasts)
    parts = [G, L @ L.T] if with_loadings else [G]
    kernels = [K / c for K, c in zip(parts, contrasts.scales, strict=True)]
    top = dense_likelihood(Y, kernels, found)
    assert found.log_likelihood == pytest.approx(top, abs=1e-6)
    for _ in range(40):
        step = 0.05 * rng.normal(size=(len(kernels) + 1, 2, 2))
        moved = [S + A @ A.T for S, A in zip(found.kernels, step, strict=False)]
        near = dataclasses.replace(
            found,
            kernels=np.array(moved),
            residual=found.residual + step[-1] @ step[-1].T,
        )
        assert dense_likelihood(Y, kernels, near) <= top + 1e-4


@pytest.mark.parametrize("most_dense", [0, 6000])
def test_joint_solutions_with_gaps_are_the_dense_ones(monkeypatch, most_dense):
    monkeypatch.setattr(multitrait, "MOST_DENSE", most_dense)
    rng = np.random.default_rng(3)
    X, _, Y = make_population(rng, 10, 6, n_traits=2)
    contrasts = build_contrasts(X @ X.T / X.shape[1])
    found = fit_covariances(Y, contrasts)
    K = X @ X.T / X.shape[1] / contrasts.scales[0]
    Y[rng.random(Y.shape) < 0.3] = np.nan
    seen = np.isfinite(Y).ravel()
    V = np.kron(K, found.kernels[0]) + np.kron(np.eye(len(Y)), found.residual)
    V = V[np.ix_(seen, seen)]
    design = np.kron(np.ones((len(Y), 1)), np.eye(2))[seen]
    y = Y.ravel()[seen]
    solved = np.linalg.solve(V, design)
    mean = np.linalg.solve(design.T @ solved, solved.T @ y)
    got_mean, weights = solve_jointly(Y, [K], found)
    np.testing.assert_allclose(got_mean, mean, atol=1e-6)
    expected = np.linalg.solve(V, y - design @ mean)
    np.testing.assert_allclose(weights.ravel()[seen], expected, atol=1e-6)
    assert not weights.ravel()[~seen].any()


def test_a_record_of_one_trait_tells_of_the_other():
    """Animals of a fold's test part keep their records of the second trait."""
    gain = []
    for seed in range(4):
        task = correlated(10 + seed, n_families=24)[0]
        truth = task.Y.copy()
        rng = np.random.default_rng(seed)
        hidden = rng.permutation(task.train)[: len(task.train) // 3]
        Y = truth.copy()
        Y[hidden, 0] = np.nan
        task = dataclasses.replace(task, Y=Y)
        (joint,), (single,) = mtgblup.fit([task], {}, 1), gblup.fit([task], {}, 1)
        assert joint.info["traits"]["t0"]["genetic_correlations"]["t1"] > 0.5
        gain.append(np.abs(joint.predicted - single.predicted)[:, 0].max())
    assert min(gain) > 0.02


def test_traits_on_other_animals_are_fitted_alone():
    task = correlated(5)[0]
    Y = task.Y.copy()
    half = len(task.train) // 2
    Y[task.train[:half], 0] = np.nan
    Y[task.train[half:], 1] = np.nan
    task = dataclasses.replace(task, Y=Y)
    (joint,), (single,) = mtgblup.fit([task], {}, 1), gblup.fit([task], {}, 1)
    np.testing.assert_allclose(joint.predicted, single.predicted, atol=5e-3)


def test_units_and_order_of_traits_do_not_matter():
    task = correlated(6)[0]
    swapped = dataclasses.replace(task, Y=task.Y[:, ::-1], traits=task.traits[::-1])
    (first,), (second,) = mtgblup.fit([task], {}, 1), mtgblup.fit([swapped], {}, 1)
    np.testing.assert_allclose(first.predicted, second.predicted[:, ::-1], atol=5e-3)


def test_reml_of_one_trait_is_that_of_gblup():
    rng = np.random.default_rng(7)
    X, L, Y = make_population(rng, 20, 6, n_traits=1)
    contrasts = build_contrasts(X @ X.T / X.shape[1], [L])
    joint = fit_covariances(Y, contrasts)
    single = fit_reml(Y[:, 0], contrasts)
    np.testing.assert_allclose(joint.shares[:, 0], single.shares, atol=5e-3)
