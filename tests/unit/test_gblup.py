"""GBLUP against ridge regression, dense mixed-model algebra and its own protocol."""

import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.methods import gblup
from grvsnn.models.mixed import kernels as polygenic
from grvsnn.protocol.fold_task import column_moments

from tests.unit.toy_tasks import change, make_population, make_tasks


def toy(seed=1, **options):
    population = make_population(np.random.default_rng(seed))
    return make_tasks(*population, method="gblup", **options)


def centred_markers(task):
    p = task.genotypes[task.train].mean(axis=0) / 2
    return task.genotypes - 2 * p, 2 * (p * (1 - p)).sum()


def test_equals_ridge_regression_on_the_markers():
    """RR-BLUP: penalty s_e / s_u with s_u = s_G / sum 2p(1 - p)."""
    task = toy(setting="markers")[0]
    (fit,) = gblup.fit([task], {}, 1)
    Z, scale = centred_markers(task)
    y = task.Y[task.train, 0]
    facts = fit.info["traits"]["t0"]
    penalty = facts["residual"] / (facts["variances"]["markers"] / scale)
    design = np.column_stack([np.ones(len(y)), Z[task.train]])
    ridge = np.diag([0.0, *np.full(Z.shape[1], penalty)])
    beta = np.linalg.solve(design.T @ design + ridge, design.T @ y)
    np.testing.assert_allclose(
        fit.predicted[:, 0], beta[0] + Z[task.test] @ beta[1:], atol=1e-9
    )
    sd = column_moments(task.genotypes, task.train)[1]
    effect = fit.feature_columns["effect"][:, 0]
    np.testing.assert_allclose(effect, beta[1:] * sd, atol=1e-9)


@pytest.mark.parametrize("setting", ["markers", "markers_pedigree", "pedigree"])
def test_equals_dense_blup_at_the_estimated_components(setting):
    task = toy(seed=2, setting=setting)[1]
    (fit,) = gblup.fit([task], {}, 1)
    Z, scale = centred_markers(task)
    kernels = {
        "markers": Z @ Z.T / (scale or 1.0),
        "loadings": task.loadings @ task.loadings.T,
    }
    rows = task.train
    for t, facts in enumerate(fit.info["traits"].values()):
        G = sum(s * kernels[name] for name, s in facts["variances"].items())
        V = G[np.ix_(rows, rows)] + facts["residual"] * np.eye(len(rows))
        y, one = task.Y[rows, t], np.ones(len(rows))
        mean = one @ np.linalg.solve(V, y) / (one @ np.linalg.solve(V, one))
        expected = mean + G[np.ix_(task.test, rows)] @ np.linalg.solve(V, y - mean)
        np.testing.assert_allclose(fit.predicted[:, t], expected, atol=1e-8)


def test_effects_times_features_give_the_predictions():
    task = toy(seed=3)[0]
    (fit,) = gblup.fit([task], {}, 1)
    X = np.hstack([task.genotypes, task.loadings])
    mean, sd = column_moments(X, task.train)
    parts = ((X - mean) / sd) @ fit.feature_columns["effect"]
    offset = fit.predicted - parts[task.test]
    np.testing.assert_allclose(offset, offset[:1].repeat(len(offset), 0), atol=1e-8)


def test_finds_the_signal():
    rng = np.random.default_rng(4)
    genotypes, loadings, Y = make_population(rng, n_families=30, h2=0.8)
    tasks = make_tasks(genotypes, loadings, Y, method="gblup")
    fits = gblup.fit(tasks, {}, 1)
    for task, fit in zip(tasks, fits, strict=True):
        for t in range(2):
            assert np.corrcoef(fit.predicted[:, t], Y[task.test, t])[0, 1] > 0.4
        assert not fit.selected.any()
        assert np.all(fit.importance.max(axis=0) == 1.0)
    # the six causal markers come first
    mean_importance = np.mean([fit.importance for fit in fits], axis=0).mean(axis=1)
    assert np.mean(np.argsort(-mean_importance)[:6] < 6) >= 0.5


def test_nothing_depends_on_company_order_or_threads():
    tasks = toy(seed=5)
    together = gblup.fit(tasks, {}, 2)
    for task, fit in zip(tasks, together, strict=True):
        (alone,) = gblup.fit([change(task, genotypes=task.genotypes.copy())], {}, 1)
        np.testing.assert_array_equal(alone.predicted, fit.predicted)
        np.testing.assert_array_equal(alone.importance, fit.importance)
    for fit, twin in zip(gblup.fit(tasks[::-1], {}, 1)[::-1], together, strict=True):
        np.testing.assert_array_equal(fit.predicted, twin.predicted)


def test_a_missing_phenotype_is_a_missing_animal_for_that_trait_only():
    task = toy(seed=6)[0]
    gone = task.train[[1, 5, 20]]
    Y = task.Y.copy()
    Y[gone, 0] = np.nan
    (fit,) = gblup.fit([change(task, Y=Y)], {}, 1)
    (full,) = gblup.fit([task], {}, 1)
    np.testing.assert_array_equal(fit.predicted[:, 1], full.predicted[:, 1])
    short = change(task, Y=Y, train=np.setdiff1d(task.train, gone))
    (dropped,) = gblup.fit([short], {}, 1)
    # allele frequencies differ by three animals; centring and scale cancel
    np.testing.assert_allclose(fit.predicted[:, 0], dropped.predicted[:, 0], atol=1e-5)


def test_monomorphic_markers_have_no_effect():
    task = toy(seed=7, setting="markers")[0]
    genotypes = task.genotypes.copy()
    genotypes[task.train, 3] = 2
    genotypes[task.test, 3] = 0
    (fit,) = gblup.fit([change(task, genotypes=genotypes)], {}, 1)
    assert not fit.feature_columns["effect"][3].any()


def test_impossible_input_is_refused():
    task = toy(setting="markers")[0]
    Y = np.full_like(task.Y, np.nan)
    with pytest.raises(InputError, match="training phenotypes"):
        gblup.fit([change(task, Y=Y)], {}, 1)
    with pytest.raises(InputError, match="neither markers nor"):
        gblup.fit([change(task, genotypes=task.genotypes[:, :0])], {}, 1)


def test_hard_call_products_are_exact():
    rng = np.random.default_rng(8)
    genotypes = rng.integers(0, 3, (30, 9000), dtype=np.int8)
    exact = genotypes.astype(np.int64) @ genotypes.astype(np.int64).T
    np.testing.assert_array_equal(polygenic.marker_products(genotypes), exact)
    dosages = rng.uniform(0, 2, (30, 50))
    np.testing.assert_allclose(polygenic.marker_products(dosages), dosages @ dosages.T)
