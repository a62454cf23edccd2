"""Lasso, elastic net, RKHS and trees: as strong as independent versions of them."""

import lightgbm
import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.methods import gblup, lasso, rkhs, trees
from grvsnn.models.mixed.kernels import marker_products
from grvsnn.protocol.fold_task import standardise
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet, Lasso

from tests.shipped import load_method
from tests.unit.toy_tasks import change, make_population, make_tasks

QUICK = {
    "lasso": {},
    "elastic_net": {},
    "rkhs": {},
    "lightgbm": {"n_trees": 30},
    "random_forest": {"n_trees": 20},
}


def toy(method, seed=1, **options):
    rng = np.random.default_rng(seed)
    population = make_population(rng, n_families=20, family_size=8, n_markers=80)
    return make_tasks(*population, method=method, **options)


def with_gaps(task, seed=0):
    """The same fold with a fifth of the training phenotypes missing, trait by trait."""
    Y = task.Y.copy()
    rng = np.random.default_rng(seed)
    for t in range(Y.shape[1]):
        Y[rng.choice(task.train, len(task.train) // 5, replace=False), t] = np.nan
    return change(task, Y=Y)


@pytest.mark.parametrize("method", QUICK)
def test_traits_have_gaps_of_their_own(method):
    """A trait's fit is the one without the other trait."""
    task = with_gaps(toy(method)[0])
    fit = load_method(method)
    (both,) = fit([task], QUICK[method], 1)
    for t in range(2):
        alone = change(task, Y=task.Y[:, [t]], traits=task.traits[t : t + 1])
        (one,) = fit([alone], QUICK[method], 1)
        np.testing.assert_allclose(one.predicted[:, 0], both.predicted[:, t], atol=1e-8)


@pytest.mark.parametrize("method", QUICK)
def test_nothing_depends_on_company_or_threads(method):
    tasks = toy(method, seed=3)[:3]
    fit = load_method(method)
    together = fit(tasks, QUICK[method], 2)
    for task, found in zip(tasks[::-1], together[::-1], strict=True):
        (alone,) = fit([task], QUICK[method], 1)
        np.testing.assert_array_equal(alone.predicted, found.predicted)
        np.testing.assert_array_equal(alone.importance, found.importance)


@pytest.mark.parametrize("method", QUICK)
def test_all_predict_better_than_the_mean(method):
    rng = np.random.default_rng(8)
    population = make_population(rng, n_families=40, family_size=8, n_markers=80)
    tasks = make_tasks(*population, method=method)
    Y = population[2]
    for task, fit in zip(tasks[:2], load_method(method)(tasks[:2], {}, 2), strict=True):
        for t in range(2):
            r = np.corrcoef(fit.predicted[:, t], Y[task.test, t])[0, 1]
            # of a heritability of 0.6; GBLUP has about 0.5 here
            assert r > 0.3, (method, t, r)


@pytest.mark.parametrize("method", ["lasso", "elastic_net"])
def test_effects_are_scikit_learns_at_the_chosen_penalty(method):
    task = with_gaps(toy(method, seed=4)[0])
    params = {"tolerance": 1e-9, "n_alphas": 20}
    (fit,) = lasso.fit([task], params, 1)
    parts = (task.genotypes, task.loadings)
    X = np.hstack([standardise(p, task.scaling_rows, np.float64) for p in parts])
    for t, trait in enumerate(task.traits):
        rows = task.train[np.isfinite(task.Y[task.train, t])]
        y, chosen = task.Y[rows, t], fit.info["traits"][trait]
        ratio = chosen["l1_ratio"]
        centred = X[rows] - X[rows].mean(axis=0)
        top = np.abs(centred.T @ (y - y.mean())).max() / (len(rows) * ratio)
        alpha = top * np.geomspace(1, 0.01, 20)[chosen["step"]]
        model = ElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-10, max_iter=100_000)
        model = Lasso(alpha=alpha, tol=1e-10) if method == "lasso" else model
        model.fit(X[rows], y)
        np.testing.assert_allclose(
            fit.feature_columns["effect"][:, t], model.coef_, atol=2e-4
        )
        np.testing.assert_allclose(
            fit.predicted[:, t], model.predict(X[task.test]), atol=2e-3
        )
    np.testing.assert_array_equal(fit.selected, fit.feature_columns["effect"] != 0)


def test_the_penalty_is_that_of_the_smallest_inner_error():
    """By brute force: every penalty, every inner split."""
    task = toy("lasso", seed=5, setting="markers")[0]
    params = {"tolerance": 1e-8, "n_alphas": 12, "patience": 12}
    (fit,) = lasso.fit([task], params, 1)
    X = standardise(task.genotypes, task.scaling_rows, np.float64)
    for t, trait in enumerate(task.traits):
        errors, weights = [], []
        for rows, held in task.inner_splits:
            y = task.Y[rows, t]
            centred = X[rows] - X[rows].mean(axis=0)
            top = np.abs(centred.T @ (y - y.mean())).max() / len(rows)
            models = [
                Lasso(alpha=top * ratio, tol=1e-9).fit(X[rows], y)
                for ratio in np.geomspace(1, 0.01, 12)
            ]
            guesses = [model.predict(X[held]) for model in models]
            errors.append([np.mean((g - task.Y[held, t]) ** 2) for g in guesses])
            weights.append(len(held))
        mean = np.average(errors, axis=0, weights=weights)
        chosen = fit.info["traits"][trait]
        assert chosen["step"] == np.argmin(mean)
        assert chosen["inner_mse"] == pytest.approx(mean.min(), rel=1e-3)


def dense_likelihood(logs, y, kernels):
    """-2 x restricted log-likelihood of given log variances, by dense algebra."""
    n = len(y)
    V = sum(np.exp(v) * K for v, K in zip(logs, [*kernels, np.eye(n)], strict=True))
    one = np.ones((n, 1))
    inverse = np.linalg.inv(V)
    middle = one.T @ inverse @ one
    P = inverse - inverse @ one @ np.linalg.solve(middle, one.T @ inverse)
    return np.linalg.slogdet(V)[1] + np.linalg.slogdet(middle)[1] + y @ P @ y


@pytest.mark.parametrize("setting", ["markers", "markers_pedigree"])
def test_rkhs_is_an_independent_dense_reml(setting):
    task = toy("rkhs", seed=6, setting=setting)[0]
    (fit,) = rkhs.fit([task], {"bandwidths": [1.0]}, 1)
    X, rows = task.genotypes.astype(float), task.train
    distance = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    pairs = distance[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)]
    kernels = [np.exp(-distance / np.median(pairs))]
    kernels += [task.loadings @ task.loadings.T] if task.n_loadings else []
    for t in range(2):
        y = task.Y[rows, t]
        inner = [K[np.ix_(rows, rows)] for K in kernels]
        start = np.log([0.3] * len(kernels) + [0.5])
        found = minimize(
            dense_likelihood,
            start,
            (y, inner),
            "Nelder-Mead",
            options={"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-9},
        )
        *variances, residual = np.exp(found.x)
        V = sum(v * K for v, K in zip(variances, inner, strict=True))
        V = V + residual * np.eye(len(y))
        solved = np.linalg.solve(V, np.column_stack([y, np.ones(len(y))]))
        mean = solved[:, 0].sum() / solved[:, 1].sum()
        weights = solved[:, 0] - mean * solved[:, 1]
        test = sum(
            v * K[np.ix_(task.test, rows)] @ weights
            for v, K in zip(variances, kernels, strict=True)
        )
        np.testing.assert_allclose(fit.predicted[:, t], mean + test, atol=5e-3)


def test_a_small_bandwidth_is_gblup():
    """exp(-h d^2 / m) is linear in X X' for small h, up to what the mean absorbs."""
    task = toy("rkhs", seed=7, setting="markers")[0]
    (small,) = rkhs.fit([task], {"bandwidths": [1e-4]}, 1)
    (linear,) = gblup.fit([change(task, method="gblup")], {}, 1)
    np.testing.assert_allclose(small.predicted, linear.predicted, atol=2e-3)


def test_the_bandwidth_is_that_of_the_largest_likelihood():
    task = toy("rkhs", seed=9, setting="markers")[0]
    (fit,) = rkhs.fit([task], {"bandwidths": [0.1, 1.0, 5.0]}, 1)
    by_h = {h: rkhs.fit([task], {"bandwidths": [h]}, 1)[0] for h in (0.1, 1.0, 5.0)}
    for t, trait in enumerate(task.traits):
        found = {h: f.info["traits"][trait]["log_likelihood"] for h, f in by_h.items()}
        best = max(found, key=found.get)
        assert fit.info["traits"][trait]["bandwidth"] == best
        np.testing.assert_array_equal(fit.predicted[:, t], by_h[best].predicted[:, t])


def test_distances_are_in_medians_of_training_pairs():
    task = toy("rkhs")[0]
    products = marker_products(task.genotypes)
    distance = rkhs.squared_distances(products, task.train)
    pairs = distance[np.ix_(task.train, task.train)]
    assert np.median(pairs[np.triu_indices(len(task.train), 1)]) == 1.0
    assert np.allclose(np.diag(distance), 0.0)


def test_boosting_stops_where_lightgbms_own_cv_does():
    """On the first inner split, LightGBM's cv finds the same number of trees."""
    task = toy("lightgbm", seed=10, setting="markers")[0]
    params = {"leaves": [4], "feature_shares": [1.0], "n_trees": 120, "patience": 20}
    (fit,) = trees.fit([task], params, 1)
    rows, held = task.inner_splits[0]
    order = np.concatenate([rows, held])
    place = {row: i for i, row in enumerate(order)}
    folds = [([place[r] for r in rows], [place[r] for r in held])]
    for t, trait in enumerate(task.traits):
        X = task.genotypes[order].astype(np.float32)
        data = lightgbm.Dataset(X, task.Y[order, t], params=trees.COMMON)
        settings = {**trees.COMMON, "num_leaves": 4, "learning_rate": 0.03}
        settings |= {"min_data_in_leaf": 5, "metric": "l2"}
        stop = lightgbm.early_stopping(20, verbose=False)
        found = lightgbm.cv(settings, data, 120, folds=folds, callbacks=[stop])
        errors = found["valid l2-mean"]
        chosen = fit.info["traits"][trait]
        # bins are those of all rows there, of the inner training rows here
        assert abs(chosen["n_trees"] - len(errors)) <= 20
        assert chosen["inner_mse"] == pytest.approx(min(errors), rel=0.03)


def test_trees_find_an_interaction_that_lines_cannot():
    rng = np.random.default_rng(11)
    genotypes, loadings, _ = make_population(rng, n_families=60, family_size=8)
    a, b = (genotypes[:, j] > 0 for j in (3, 7))
    Y = np.stack([(a ^ b) + 0.2 * rng.standard_normal(len(a))] * 2, axis=1)
    found = {}
    for method in ("lasso", "lightgbm", "random_forest"):
        tasks = make_tasks(genotypes, loadings, Y, method=method, setting="markers")
        (fit,) = load_method(method)(tasks[:1], {}, 1)
        found[method] = np.corrcoef(fit.predicted[:, 0], Y[tasks[0].test, 0])[0, 1]
    assert found["lightgbm"] > found["lasso"] + 0.3
    assert found["random_forest"] > found["lasso"] + 0.1


@pytest.mark.parametrize("method", QUICK)
def test_folds_that_cannot_be_fitted_are_refused(method):
    task = toy(method)[0]
    Y = task.Y.copy()
    Y[task.train[2:], 0] = np.nan
    with pytest.raises(InputError, match="phenotypes"):
        load_method(method)([change(task, Y=Y)], QUICK[method], 1)
