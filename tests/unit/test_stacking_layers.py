"""Mixtures that must beat the mixed model, and BLUP at given variance components."""

import numpy as np
import pytest
import toy_tasks
from grvsnn.models.mixed.kernels import LOADINGS, Kernels, marker_products
from grvsnn.models.mixed.reml import fit_reml
from grvsnn.models.plus.polygenic_layers import RELATIVES, fit_polygenic
from grvsnn.models.plus.stacking import earn_weights
from grvsnn.protocol.fold_task import FoldTask


def test_a_better_mixture_is_taken_from_held_out_rows_only():
    rng = np.random.default_rng(0)
    held_out = rng.standard_normal((3, 200))
    y = 0.7 * held_out[0] + 0.3 * held_out[2]
    held_out[:, 150:], y[3] = np.nan, np.nan
    np.testing.assert_allclose(earn_weights(held_out, y), [0.7, 0, 0.3], atol=1e-10)


def test_in_a_mixture_that_has_won_the_first_may_weigh_nothing():
    """The first has a third of a large effect, the second all of it."""
    weights = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        effect, noise = rng.standard_normal(300), rng.standard_normal((2, 300))
        held_out = np.stack([0.3 * effect + 0.3 * noise[0], effect])
        weights.append(earn_weights(held_out, effect + 0.3 * noise[1]))
    np.testing.assert_allclose(weights, np.tile([0, 1], (20, 1)), atol=0.15)
    # what is left to the first is noise, of either sign
    assert 5 <= np.sum(np.array(weights)[:, 0] == 0) <= 15


def test_noise_does_not_earn_a_place():
    """In 200 draws of 5 useless predictors, the first is nearly always left alone."""
    taken = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        first = rng.standard_normal(400)
        y = first + rng.standard_normal(400)
        others = rng.standard_normal((5, 400)) * 0.3
        weights = earn_weights(np.vstack([first, others]), y)
        taken += bool(weights[1:].any())
    assert taken <= 20


def test_too_few_phenotypes_leave_the_first_alone():
    held_out = np.ones((2, 3))
    y = np.array([1.0, np.nan, np.nan])
    np.testing.assert_array_equal(earn_weights(held_out, y), [1.0, 0.0])


@pytest.fixture
def task():
    population = toy_tasks.make_population(np.random.default_rng(7))
    return toy_tasks.make_tasks(*population, method="grvsnn_plus")[0]


def test_blup_at_the_same_rows_equals_blup(task: FoldTask):
    kernels = Kernels(task, marker_products(task.genotypes), {LOADINGS: task.loadings})
    y = task.Y[task.train, 0]
    reml = fit_reml(y, kernels.over(task.train))
    direct = kernels.blup(reml, task.train, y)
    again = kernels.blup_at(reml, task.train, y)
    np.testing.assert_allclose(again.predicted, direct.predicted, atol=1e-9)
    np.testing.assert_allclose(again.weights, direct.weights, atol=1e-9)


def test_members_never_see_the_rows_they_hold_out(task: FoldTask):
    products = marker_products(task.genotypes)
    one = fit_polygenic(task, products, [6])
    fit_rows, validation = task.inner_splits[0]
    Y = task.Y.copy()
    kernels = Kernels(task, products, {LOADINGS: task.loadings})
    y = Y[:, 0]
    # at fixed variance components the held-out phenotypes change nothing
    reml = fit_reml(y[task.train], kernels.over(task.train))
    before = kernels.blup_at(reml, fit_rows, y[fit_rows]).predicted
    Y[validation] = 1e3
    after = kernels.blup_at(reml, fit_rows, Y[fit_rows, 0]).predicted
    np.testing.assert_array_equal(before, after)
    assert one.members.shape == (len(task.inner_splits), *task.Y.shape)


def test_families_without_a_pedigree_are_found_by_their_markers():
    """A family effect that no marker carries: only relatives can predict it."""
    rng = np.random.default_rng(5)
    genotypes, _, _ = toy_tasks.make_population(
        rng, n_families=30, family_size=10, n_markers=600
    )
    family = np.repeat(rng.standard_normal(30), 10)
    Y = (family + rng.standard_normal(300))[:, None]
    task = toy_tasks.make_tasks(
        genotypes, np.zeros((300, 0)), Y, method="grvsnn_plus", setting="markers"
    )[0]
    products = marker_products(task.genotypes)
    facts = fit_polygenic(task, products, [3, 7, 30]).facts["t0"]
    assert facts["n_relatives"] == 7
    assert facts["shares"][RELATIVES] > 0.35
