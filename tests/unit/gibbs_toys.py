"""Small problems for the sampler's tests."""

import numpy as np
import pytest
from grvsnn.models.gibbs.design import build_design, gram_pairs
from grvsnn.models.gibbs.lanes import Target, build_group, scale_features
from grvsnn.models.gibbs.native import native_kernel
from grvsnn.models.gibbs.sampler import choose_kernel, start_hyperparameters

MODELS = ("brr", "blasso", "bayescpi", "bayesr")
KERNELS = ("c", "numba")


def kernel_or_skip(name):
    """Return a kernel; skip the test where there is no C compiler."""
    if name == "c" and native_kernel() is None:
        pytest.skip("no C compiler (or GRVSNN_NATIVE=0): the C kernel cannot be built")
    return choose_kernel(name)


def make_problem(seed=1, n=90, markers=45, loadings=5, folds=3):
    """Design, masks of training rows, and phenotypes with a few missing."""
    rng = np.random.default_rng(seed)
    genotypes = rng.binomial(2, rng.uniform(0.1, 0.5, markers), (n, markers))
    genotypes = genotypes.astype(np.int8)
    floats = rng.standard_normal((n, loadings)) * np.arange(1, loadings + 1)
    y = genotypes[:, :3] @ np.array([0.6, -0.5, 0.4]) + rng.standard_normal(n)
    if loadings:
        y += 0.3 * floats[:, 0]
    design = build_design(genotypes, floats, np.arange(n), joint=False)
    train = np.arange(n) % folds != np.arange(folds)[:, None]
    missing = rng.random((folds, n)) < 0.1
    phenotypes = np.where(train & ~missing, y, np.nan)
    return design, np.hstack([genotypes, floats]), train, phenotypes


def make_targets(train, phenotypes, chains=1, prior=None):
    """One target per fold, seeded by the fold's number."""
    return [
        Target(y, mask, tuple(100 * fold + c for c in range(chains)), prior)
        for fold, (mask, y) in enumerate(zip(train, phenotypes, strict=True))
    ]


def start_group(design, model, targets):
    """Lane group and hyper-parameters of some targets, ready to iterate."""
    scalings = scale_features(design, targets)
    gram = gram_pairs(design, np.array([target.used for target in targets]))
    columns = range(len(targets))
    group = build_group(design, model, targets, scalings, gram, columns)
    return group, start_hyperparameters(group, targets, scalings)
