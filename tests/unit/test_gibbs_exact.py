"""Closed forms: ridge at fixed variances, and BRR's exact route."""

import numpy as np
import pytest
from grvsnn.gibbs import Settings, Target, build_design, fit_exact_brr, sample
from grvsnn.gibbs.lanes import scale_features, target_prior
from grvsnn.gibbs.posterior import Recorder
from grvsnn.gibbs.priors import DF
from grvsnn.gibbs.sampler import iterate
from scipy import integrate, stats

from tests.unit.gibbs_toys import (
    KERNELS,
    kernel_or_skip,
    make_problem,
    make_targets,
    start_group,
)


def standardised(features, train, y):
    """Scaled by the fold's training rows, centred on the rows with a phenotype."""
    used = np.isfinite(y)
    return (features[used] - features[used].mean(axis=0)) / features[train].std(axis=0)


@pytest.mark.parametrize("kernel_name", KERNELS)
def test_fixed_variances_give_ridge_regression(kernel_name):
    """b | y ~ N(C X'y, varE C), C = (X'X + varE diag(1/varB))^-1, two terms.

    The mean over 16 chains is compared in its standard errors (t, 15 degrees of
    freedom: 6.2 is exceeded with probability 1e-5; 150 comparisons).
    """
    kernel = kernel_or_skip(kernel_name)
    design, features, train, phenotypes = make_problem(loadings=5, markers=20)
    for fold in (0, 1):
        y, mask = phenotypes[fold], train[fold]
        targets = [Target(y, mask, (seed,)) for seed in range(16)]
        group, hyper = start_group(design, "brr", targets)
        hyper.draw_variances = lambda group: None
        hyper.var_e[:], hyper.var_b[0], hyper.var_b[1] = 0.7, 0.02, 0.1
        recorder = Recorder(group, kernel, 1000, 1, 0.95)
        for _ in range(1000):
            iterate(group, hyper, kernel)
            recorder.add(hyper.traced())
        chains = recorder.mean[design.slots, :16].astype(float)
        x = standardised(features, mask, y)
        penalty = 0.7 / np.repeat([0.02, 0.1], (20, 5))
        inverse = np.linalg.inv(x.T @ x + np.diag(penalty))
        ridge = inverse @ x.T @ y[np.isfinite(y)]
        error = chains.std(axis=1, ddof=1) / 4
        assert np.abs((chains.mean(axis=1) - ridge) / error).max() < 6.2
        spread = np.sqrt(recorder.square[design.slots, :16].mean(axis=1) / 1000)
        # 16,000 draws: 0.6 % standard error when independent
        np.testing.assert_allclose(spread, np.sqrt(0.7 * np.diag(inverse)), rtol=0.04)


def test_exact_route_equals_sampling():
    """Means within Monte Carlo error of 16 chains, standard deviations within 3 %."""
    kernel_or_skip("c")
    design, _, train, phenotypes = make_problem(loadings=0, markers=60)
    (target,) = make_targets(train[:1], phenotypes[:1], chains=16)
    (drawn,) = sample(design, "brr", [target], Settings(2500, 200, 1))
    (exact,) = fit_exact_brr(design, [target], 0.95)
    error = drawn.sd / np.sqrt(8000)
    assert np.abs((drawn.effect - exact.effect) / error).max() < 5
    np.testing.assert_allclose(drawn.sd, exact.sd, rtol=0.03)
    # limits come from 1,000 of the draws: standard error 0.09 sd, largest of 60
    np.testing.assert_allclose(drawn.lower, exact.lower, atol=0.45 * exact.sd.min())
    for name, moments in exact.summary().items():
        chains = drawn.traces[name].mean(axis=1)
        z = (chains.mean() - moments["mean"]) / (chains.std(ddof=1) / 4)
        assert abs(z) < 5, name
        assert moments["sd"] == pytest.approx(drawn.traces[name].std(), rel=0.05)


def test_exact_route_equals_quadrature_with_one_marker():
    """p = 1: a fine grid over both variances, with the density in closed form."""
    rng = np.random.default_rng(5)
    genotypes = rng.binomial(2, 0.4, (12, 1)).astype(np.int8)
    y = 0.8 * genotypes[:, 0] + rng.standard_normal(12)
    everyone = np.ones(12, bool)
    design = build_design(genotypes, np.empty((12, 0)), np.arange(12), False)
    target = Target(y, everyone, (1,))
    (exact,) = fit_exact_brr(design, [target], 0.95)
    prior, _ = target_prior(design, "brr", target, *scale_features(design, [target]))
    x = (genotypes[:, 0] - genotypes.mean()) / genotypes.std()
    y = y - y.mean()

    def density(b, e):
        """N(0, e I + b x x') of 11 contrasts, and priors of the logarithms."""
        square = y @ y / e - b * (x @ y) ** 2 / (e * (e + 12 * b))
        value = e**-5.5 * (1 + 12 * b / e) ** -0.5 * np.exp(-square / 2)
        value *= stats.chi2.pdf(prior.scale_e / e, DF) / e
        return value * stats.chi2.pdf(prior.terms[0].scale_b / b, DF) / b

    def ridge(b, e):
        return x @ y / (12 + e / b)

    def moment(function):
        grid = np.linspace(-8, 12, 1001)
        b, e = np.exp(grid), np.exp(grid[:, None])
        values = density(b, e) * function(b, e)
        return integrate.simpson(integrate.simpson(values, x=grid), x=grid)

    total = moment(lambda b, e: 1.0)
    mean = moment(ridge) / total
    second = moment(lambda b, e: ridge(b, e) ** 2 + e / (12 + e / b))
    assert exact.effect[0] == pytest.approx(mean, rel=2e-3)
    assert exact.sd[0] == pytest.approx(np.sqrt(second / total - mean**2), rel=2e-3)
    variance = moment(lambda b, e: e) / total
    assert exact.summary()["varE"]["mean"] == pytest.approx(variance, rel=2e-3)
