"""The three Bayesian methods under the contract of `grvsnn.protocol.fold_task`."""

import json

import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.methods import bayes

from tests.unit.toy_tasks import change, make_population, make_tasks

METHODS = ("brr", "blasso", "bayescpi", "bayesr")
QUICK = {"backend": "native", "n_iter": 600, "burn_in": 200, "thin": 2}


def toy(method, seed=1, **options):
    population = make_population(np.random.default_rng(seed))
    return make_tasks(*population, method=method, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("setting", ["markers", "markers_pedigree", "pedigree"])
def test_fit_has_the_contracts_shapes_and_facts(method, setting):
    tasks = toy(method, setting=setting)
    fits = bayes.fit(tasks, QUICK, 1)
    for task, fit in zip(tasks, fits, strict=True):
        shape = (task.n_features, len(task.traits))
        assert fit.predicted.shape == (len(task.test), len(task.traits))
        assert fit.importance.shape == fit.selected.shape == shape
        assert np.isfinite(fit.predicted).all()
        np.testing.assert_allclose(fit.importance.max(axis=0), 1.0)
        columns = fit.feature_columns
        assert ("pip" in columns) == (method in ("bayescpi", "bayesr"))
        assert (columns["lower"] <= columns["upper"]).all()
        excludes_zero = (columns["lower"] > 0) | (columns["upper"] < 0)
        np.testing.assert_array_equal(fit.selected, excludes_zero)
        assert fit.info["backend"] == "native"
        assert set(fit.info["variances"]) == set(task.traits)
        json.dumps(fit.info)


@pytest.mark.parametrize("method", METHODS)
def test_predicts_unseen_animals_and_finds_a_strong_marker(method):
    rng = np.random.default_rng(8)
    genotypes, loadings, _ = make_population(rng, n_families=40, n_markers=40)
    Y = genotypes[:, [5]] + 0.7 * rng.standard_normal((len(genotypes), 1))
    tasks = make_tasks(genotypes, loadings, Y, method=method)
    for task, fit in zip(tasks, bayes.fit(tasks, QUICK, 1), strict=True):
        assert np.corrcoef(fit.predicted[:, 0], Y[task.test, 0])[0, 1] > 0.5
        assert fit.importance[5, 0] == 1.0
        assert fit.selected[5, 0]


def test_missing_phenotypes_equal_the_fit_without_those_rows():
    """Only the scale of the features comes from the other training rows.

    With the same standard deviations the exact route must give the same posterior.
    """
    task = toy("brr", setting="markers")[0]
    Y = task.Y[:, :1].copy()
    gone = task.train[::7]
    Y[gone] = np.nan
    left = np.setdiff1d(task.train, gone)
    exact = {"backend": "native", "route": "exact"}
    missing = change(task, Y=Y, traits=("t0",))
    (one,) = bayes.fit([missing], exact, 1)
    # dosages scaled beforehand would change int8 codes, so compare fitted values
    sd = task.genotypes[task.train].std(axis=0) / task.genotypes[left].std(axis=0)
    (other,) = bayes.fit([change(missing, train=left)], exact, 1)
    effects = one.feature_columns["effect"][:, 0] / sd
    correlation = np.corrcoef(effects, other.feature_columns["effect"][:, 0])[0, 1]
    assert correlation > 0.995
    np.testing.assert_allclose(one.predicted, other.predicted, atol=0.05)


def test_constant_columns_are_left_out():
    task = toy("bayescpi", setting="markers")[0]
    genotypes = task.genotypes.copy()
    genotypes[:, 4] = 2
    genotypes[task.train, 9] = 1
    genotypes[task.test, 9] = 2
    (fit,) = bayes.fit([change(task, genotypes=genotypes)], QUICK, 1)
    for name in ("effect", "sd", "lower", "upper", "pip"):
        assert (fit.feature_columns[name][[4, 9]] == 0).all(), name
    assert not fit.selected[[4, 9]].any()


def test_joint_term_has_one_variance_and_separate_terms_two():
    task = toy("brr")[0]
    names = {
        eta: set(bayes.fit([task], QUICK | {"eta": eta}, 1)[0].info["variances"]["t0"])
        for eta in ("joint", "separate")
    }
    assert names["joint"] == {"varE", "varB"}
    assert names["separate"] == {"varE", "varB_1", "varB_2"}


def test_exact_route_takes_one_term_and_two():
    """Predictions are those of long chains; nothing was sampled."""
    for eta, names in (
        ("joint", {"varE", "varB"}),
        ("separate", {"varE", "varB_1", "varB_2"}),
    ):
        task = toy("brr")[0]
        (exact,) = bayes.fit([task], QUICK | {"eta": eta, "route": "exact"}, 1)
        long = {"n_iter": 3000, "burn_in": 500, "n_chains": 4, "eta": eta}
        (drawn,) = bayes.fit([task], QUICK | long, 1)
        assert set(exact.info["variances"]["t0"]) == names
        assert exact.info["iterations"] == 0
        np.testing.assert_allclose(exact.predicted, drawn.predicted, atol=0.03)


def test_folds_with_own_genotypes_match_single_fits():
    """A task whose genotypes differ where no call is missing is fitted on its own."""
    tasks = toy("brr")
    other = tasks[1].genotypes.copy()
    other[0, 0] = (other[0, 0] + 1) % 3
    tasks[1] = change(tasks[1], genotypes=other)
    groups = [members for _, members in bayes.shared_features(tasks)]
    assert groups == [[0, 2, 3], [1]]
    fits = bayes.fit(tasks, QUICK, 1)
    (alone,) = bayes.fit([tasks[1]], QUICK, 1)
    np.testing.assert_array_equal(fits[1].predicted, alone.predicted)


def test_several_chains_reach_the_same_posterior():
    task = toy("brr", setting="markers")[0]
    (one,) = bayes.fit([task], QUICK | {"n_iter": 1500}, 1)
    (four,) = bayes.fit([task], QUICK | {"n_iter": 1500, "n_chains": 4}, 1)
    for trait in task.traits:
        single, pooled = (fit.info["variances"][trait]["varE"] for fit in (one, four))
        assert pooled["rhat"] < 1.05
        assert pooled["ess"] > 2 * single["ess"]
        error = pooled["sd"] / np.sqrt(single["ess"])
        assert abs(single["mean"] - pooled["mean"]) < 5 * error


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"n_itr": 10}, "n_itr"),
        ({"backend": "stan"}, "backend"),
        ({"eta": "both"}, "eta"),
        ({"n_iter": 100, "burn_in": 100}, "burn_in"),
        ({"n_iter": 12, "burn_in": 10, "thin": 5}, "draws"),
        ({"n_iter": 10.5}, "n_iter"),
        ({"interval": 1.5}, "interval"),
        ({"n_chains": 0}, "n_chains"),
        ({"n_chains": 33}, "n_chains 33 exceeds"),
        ({"kernel": "numba"}, "kernel"),
    ],
)
def test_impossible_settings_are_refused(params, word):
    with pytest.raises(InputError, match=word):
        bayes.fit(toy("brr")[:1], {"backend": "native"} | params, 1)


def test_trait_without_phenotypes_is_refused():
    task = toy("brr")[0]
    Y = task.Y.copy()
    Y[:, 1] = np.nan
    with pytest.raises(InputError, match="t1"):
        bayes.fit([change(task, Y=Y)], QUICK, 1)
