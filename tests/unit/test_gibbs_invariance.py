"""What a chain's draws may not depend on: neighbours, threads, hidden phenotypes."""

import numpy as np
import pytest
from grvsnn.methods import bayes
from grvsnn.models.gibbs.lanes import Target
from grvsnn.models.gibbs.sampler import Settings, plan_groups, sample

from tests.unit.gibbs_toys import (
    KERNELS,
    MODELS,
    kernel_or_skip,
    make_problem,
    make_targets,
)
from tests.unit.toy_tasks import change, make_population, make_tasks

SHORT = Settings(n_iter=230, burn_in=30, thin=2)
QUICK = {"backend": "native", "n_iter": 60, "burn_in": 20, "thin": 2}
FIELDS = ("effect", "sd", "lower", "upper", "pip")


def assert_same(one, other):
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    for name, trace in one.traces.items():
        np.testing.assert_array_equal(trace, other.traces[name])


@pytest.mark.parametrize("model", MODELS)
def test_chain_alone_equals_chain_among_a_hundred(model):
    """Bit-identical in the C kernel: 100 chains fill wide groups, one a narrow one."""
    kernel = kernel_or_skip("c")
    design, _, train, phenotypes = make_problem()
    (target, *_) = make_targets(train, phenotypes)
    others = [
        Target(phenotypes[i % 3] * (1 + i), train[i % 3], (1000 + i,))
        for i in range(99)
    ]
    together = sample(design, model, [*others, target], SHORT, 2, kernel)
    (alone,) = sample(design, model, [target], SHORT, 1, kernel)
    assert_same(alone, together[-1])


@pytest.mark.parametrize("model", MODELS)
def test_one_and_two_threads_agree_bit_by_bit(model):
    kernel = kernel_or_skip("c")
    design, _, train, phenotypes = make_problem()
    targets = [
        Target(phenotypes[i % 3], train[i % 3], (i,)) for i in range(20)
    ]  # one wide group on one thread, two narrow ones on two
    one = sample(design, model, targets, SHORT, 1, kernel)
    two = sample(design, model, targets, SHORT, 2, kernel)
    for left, right in zip(one, two, strict=True):
        assert_same(left, right)


def test_fallback_chain_alone_agrees_with_chain_in_batch():
    """BLAS may sum in another order: equal to float32 rounding only."""
    kernel = kernel_or_skip("numba")
    design, _, train, phenotypes = make_problem()
    targets = make_targets(train, phenotypes)
    short = Settings(n_iter=40, burn_in=0, thin=1)
    together = sample(design, "blasso", targets, short, 2, kernel)
    (alone,) = sample(design, "blasso", targets[1:2], short, 1, kernel)
    np.testing.assert_allclose(alone.effect, together[1].effect, atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_kernels_draw_the_same_chain(model):
    """Same algorithm and streams: short chains differ by rounding only."""
    design, _, train, phenotypes = make_problem()
    targets = make_targets(train, phenotypes)
    short = Settings(n_iter=40, burn_in=0, thin=1)
    compiled, fallback = (
        sample(design, model, targets, short, 1, kernel_or_skip(name))
        for name in KERNELS
    )
    for left, right in zip(compiled, fallback, strict=True):
        for field in FIELDS:
            left_values, right_values = getattr(left, field), getattr(right, field)
            np.testing.assert_allclose(left_values, right_values, atol=2e-4)


@pytest.mark.parametrize("method", MODELS)
def test_test_phenotypes_do_not_matter(method):
    """Neither Y of test rows nor which other folds share the call change a bit."""
    kernel_or_skip("c")
    genotypes, loadings, Y = make_population(np.random.default_rng(3))
    tasks = make_tasks(genotypes, loadings, Y, method=method)
    fits = bayes.fit(tasks, QUICK, 2)
    spoiled = tasks[2].Y.copy()
    spoiled[tasks[2].test] = 1e6
    (alone,) = bayes.fit([change(tasks[2], Y=spoiled)], QUICK, 1)
    np.testing.assert_array_equal(alone.predicted, fits[2].predicted)
    columns = fits[2].feature_columns
    for name, values in alone.feature_columns.items():
        np.testing.assert_array_equal(values, columns[name])


def test_order_of_tasks_does_not_matter():
    tasks = make_tasks(*make_population(np.random.default_rng(3)), method="brr")
    forward = bayes.fit(tasks, QUICK, 1)
    backward = bayes.fit(tasks[::-1], QUICK, 1)[::-1]
    for one, other in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(one.predicted, other.predicted)


def test_seed_changes_the_draws():
    population = make_population(np.random.default_rng(3))
    one, other = (
        bayes.fit(make_tasks(*population, method="brr", seed=seed)[:1], QUICK, 1)[0]
        for seed in (1, 2)
    )
    assert np.abs(one.predicted - other.predicted).max() > 1e-3


@pytest.mark.parametrize(
    ("targets", "repeats", "threads", "sizes"),
    [
        (10, 1, 1, [10]),
        (25, 1, 1, [25]),
        (25, 1, 2, [16, 9]),
        (100, 1, 2, [32, 32, 32, 4]),
        (10, 4, 1, [8, 2]),
        (3, 20, 1, [1, 1, 1]),
    ],
)
def test_plan_keeps_a_targets_chains_together(targets, repeats, threads, sizes):
    plan = plan_groups(targets, repeats, threads)
    assert [len(members) for members in plan] == sizes
    assert [i for members in plan for i in members] == list(range(targets))
