"""Missing calls filled fold by fold: chains of all folds in one batch."""

import numpy as np
import pytest
from grvsnn.genotypes.plink import find_gaps, impute_by_training_rows
from grvsnn.methods import bayes
from grvsnn.models.gibbs.design import BLOCK, build_design, find_patch, gram_pairs
from grvsnn.models.gibbs.exact import fit_exact_brr
from grvsnn.models.gibbs.lanes import Target, build_group, scale_features
from grvsnn.models.gibbs.sampler import Settings, iterate, sample, start_hyperparameters

from tests.unit.gibbs_toys import KERNELS, MODELS, kernel_or_skip
from tests.unit.toy_tasks import change, make_population, make_tasks

# few iterations: chains of the same draws part by rounding alone
SHORT = Settings(n_iter=40, burn_in=0, thin=1)
QUICK = {"backend": "native", "n_iter": 60, "burn_in": 20, "thin": 2}
N, FOLDS = 90, 3


def make_gaps(fractional=False):
    """Dosages with a tenth of the calls missing, each fold's own, and the folds."""
    rng = np.random.default_rng(8)
    dosages = rng.binomial(2, rng.uniform(0.2, 0.5, 70), (N, 70)).astype(np.int8)
    empty = -1
    if fractional:
        dosages = (dosages * 0.9 + 0.1 * rng.random(dosages.shape)).astype(np.float32)
        empty = np.nan
    dosages[rng.random(dosages.shape) < 0.1] = empty
    train = np.arange(N) % FOLDS != np.arange(FOLDS)[:, None]
    shared = impute_by_training_rows(dosages, np.arange(N))
    own = [impute_by_training_rows(dosages, np.flatnonzero(rows)) for rows in train]
    return dosages, shared, own, train


def both_ways(fractional=False, seeds=(5,)):
    """Targets patched on a shared design, and each on a design of its own."""
    _, shared, own, train = make_gaps(fractional)
    rng = np.random.default_rng(9)
    loadings = rng.standard_normal((N, 3))
    y = shared[:, :4] @ np.array([0.5, -0.5, 0.4, 0.3]) + rng.standard_normal(N)
    rows = np.arange(N)
    design = build_design(shared, loadings, rows, joint=False)
    patched, alone = [], []
    for fold, genotypes in enumerate(own):
        hidden = np.where(train[fold], y, np.nan)
        mine = tuple(seed + fold for seed in seeds)
        patch = find_patch(design, shared, genotypes)
        patched.append(Target(hidden, train[fold], mine, patch=patch))
        single = build_design(genotypes, loadings, rows, joint=False)
        alone.append((single, Target(hidden, train[fold], mine)))
    assert all(target.patch is not None for target in patched)
    return design, patched, alone


@pytest.mark.parametrize("fractional", [False, True])
def test_moments_and_products_are_those_of_the_own_genotypes(fractional):
    """Sums of integer codes are exact; fractions agree to double rounding."""
    design, patched, alone = both_ways(fractional)
    slots = design.slots
    masks = np.array([target.used for target in patched])
    products = gram_pairs(design, masks, [target.patch for target in patched])
    for fold, (own_design, target) in enumerate(alone):
        mine = scale_features(design, patched)[fold]
        (own,) = scale_features(own_design, [target])
        unit, own_unit = design.unit, own_design.unit
        np.testing.assert_allclose(
            design.origin + unit * mine.mean[slots],
            own_design.origin + own_unit * own.mean[slots],
            atol=1e-6,
        )
        np.testing.assert_allclose(
            unit * mine.sd[slots], own_unit * own.sd[slots], rtol=1e-6
        )
        np.testing.assert_allclose(mine.x2[slots], own.x2[slots], rtol=1e-6)
        columns = slice(0, BLOCK)
        _, _, genotypes, train = make_gaps(fractional)
        codes = (genotypes[fold] - design.origin[:70]) / unit[:70]
        codes = codes[train[fold], columns]
        expected = (codes.T @ codes)[np.triu_indices(BLOCK, 1)]
        np.testing.assert_allclose(products[0, :, fold], expected, atol=1e-4)


@pytest.mark.parametrize("fractional", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("model", MODELS)
def test_patched_chain_is_the_chain_of_the_own_genotypes(model, kernel, fractional):
    """The same draws: short chains differ by float32 rounding only."""
    kernel = kernel_or_skip(kernel)
    design, patched, alone = both_ways(fractional, seeds=(5, 50))
    together = sample(design, model, patched, SHORT, 1, kernel)
    for one, (own_design, target) in zip(together, alone, strict=True):
        (other,) = sample(own_design, model, [target], SHORT, 1, kernel)
        np.testing.assert_allclose(one.effect, other.effect, atol=5e-4)
        np.testing.assert_allclose(one.sd, other.sd, atol=5e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_residuals_kept_by_steps_are_those_from_scratch(kernel):
    """To float32 rounding after twenty sweeps."""
    kernel = kernel_or_skip(kernel)
    design, patched, _ = both_ways()
    scalings = scale_features(design, patched)
    masks = np.array([target.used for target in patched])
    gram = gram_pairs(design, masks, [target.patch for target in patched])
    group = build_group(design, "brr", patched, scalings, gram, range(FOLDS))
    hyper = start_hyperparameters(group, patched, scalings)
    for _ in range(20):
        iterate(group, hyper, kernel)
    kept = group.residual.copy()
    kernel.refresh(group)
    np.testing.assert_allclose(kept, group.residual, atol=1e-4)


def test_exact_route_sees_the_own_genotypes():
    _, shared, own, train = make_gaps()
    rows, none = np.arange(N), np.empty((N, 0))
    y = np.random.default_rng(2).standard_normal(N) + shared[:, 0]
    design = build_design(shared, none, rows, joint=True)
    patch = find_patch(design, shared, own[0])
    hidden = np.where(train[0], y, np.nan)
    (one,) = fit_exact_brr(design, [Target(hidden, train[0], (1,), patch=patch)], 0.95)
    single = build_design(own[0], none, rows, joint=True)
    (other,) = fit_exact_brr(single, [Target(hidden, train[0], (1,))], 0.95)
    np.testing.assert_allclose(one.effect, other.effect, atol=1e-7)
    np.testing.assert_allclose(one.sd, other.sd, atol=1e-7)


def tasks_with_gaps():
    """Folds whose missing calls are filled by their training rows."""
    genotypes, loadings, Y = make_population(np.random.default_rng(3))
    dosages = genotypes.copy()
    dosages[np.random.default_rng(4).random(dosages.shape) < 0.1] = -1
    return [
        change(
            task,
            genotypes=impute_by_training_rows(dosages, task.train),
            gaps=find_gaps(dosages),
        )
        for task in make_tasks(genotypes, loadings, Y, method="bayescpi")
    ]


def test_folds_with_gaps_share_a_batch_and_stay_independent():
    """Bit-identical alone and together, and other folds' filled calls play no part."""
    kernel_or_skip("c")
    tasks = tasks_with_gaps()
    assert [members for _, members in bayes.shared_features(tasks)] == [[0, 1, 2, 3]]
    fits = bayes.fit(tasks, QUICK, 2)
    (alone,) = bayes.fit(tasks[2:3], QUICK, 1)
    np.testing.assert_array_equal(alone.predicted, fits[2].predicted)
    for name, values in alone.feature_columns.items():
        np.testing.assert_array_equal(values, fits[2].feature_columns[name])
