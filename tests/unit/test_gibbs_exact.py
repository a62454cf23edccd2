"""Closed forms: ridge at fixed variances, and BRR's exact route."""

import numpy as np
import pytest
from grvsnn.models.gibbs.design import build_design
from grvsnn.models.gibbs.exact import fit_exact_brr
from grvsnn.models.gibbs.exact_pair import weigh_ratios
from grvsnn.models.gibbs.lanes import Target, scale_features, target_prior
from grvsnn.models.gibbs.posterior import Recorder
from grvsnn.models.gibbs.priors import DF
from grvsnn.models.gibbs.sampler import Settings, iterate, sample
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


def test_exact_route_of_two_terms_equals_quadrature():
    """Two markers and a loading: a grid over all three variances, by dense algebra."""
    rng = np.random.default_rng(6)
    genotypes = rng.binomial(2, 0.4, (14, 2)).astype(np.int8)
    loadings = rng.standard_normal((14, 1))
    y = genotypes[:, 0] + 0.7 * loadings[:, 0] + rng.standard_normal(14)
    design = build_design(genotypes, loadings, np.arange(14), False)
    target = Target(y, np.ones(14, bool), (1,))
    (exact,) = fit_exact_brr(design, [target], 0.95)
    prior, _ = target_prior(design, "brr", target, *scale_features(design, [target]))
    x = np.hstack([genotypes, loadings])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = y - y.mean()
    logs = np.stack(np.meshgrid(*[np.arange(-6, 7, 0.3)] * 3, indexing="ij"), -1)
    e, first, second = np.moveaxis(np.exp(logs.reshape(-1, 3)), 1, 0)
    ridge = np.zeros((len(e), 3, 3))
    ridge[:, [0, 1, 2], [0, 1, 2]] = e[:, None] / np.stack([first, first, second], 1)
    inverse = np.linalg.inv(x.T @ x + ridge)
    mean = inverse @ (x.T @ y)
    # N(0, e I + x D x') of 13 contrasts, by the lemma of determinants and its inverse
    log_density = -0.5 * (y @ y - mean @ (x.T @ y)) / e - 0.5 * 13 * np.log(e)
    log_density += 0.5 * np.linalg.slogdet(inverse)[1] + 0.5 * np.log(
        ridge[:, [0, 1, 2], [0, 1, 2]]
    ).sum(axis=1)
    scales = [prior.scale_e, *(term.scale_b for term in prior.terms)]
    for value, scale in zip((e, first, second), scales, strict=True):
        # scaled inverse chi-squares, as densities of the logarithms
        log_density += -DF / 2 * np.log(value) - scale / (2 * value)
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()
    effect = weights @ mean
    variance = e[:, None] * np.diagonal(inverse, axis1=1, axis2=2)
    sd = np.sqrt(weights @ (variance + mean**2) - effect**2)
    np.testing.assert_allclose(exact.effect, effect, rtol=2e-3)
    np.testing.assert_allclose(exact.sd, sd, rtol=2e-3)
    found = exact.summary()
    for name, value in (("varE", e), ("varB_1", first), ("varB_2", second)):
        assert found[name]["mean"] == pytest.approx(weights @ value, rel=0.01), name


def test_ratios_are_weighed_as_widely_and_finely_as_needed():
    """Two targets with normal densities: narrow and far from the start, and wide."""
    mean, sd = np.array([7.3, -1.0]), np.array([0.07, 2.0])
    weights = weigh_ratios(lambda x: -0.5 * ((x - mean) / sd) ** 2)
    x = np.array(list(weights))
    w = np.stack(list(weights.values()))
    np.testing.assert_allclose(w.sum(axis=0), 1, atol=1e-5)
    found = x @ w
    np.testing.assert_allclose(found, mean, atol=1e-3)
    np.testing.assert_allclose(np.sqrt(x**2 @ w - found**2), sd, rtol=2e-3)


def test_exact_route_of_two_terms_equals_sampling():
    """Means within Monte Carlo error of 16 chains, standard deviations within 4 %."""
    kernel_or_skip("c")
    design, _, train, phenotypes = make_problem(loadings=5, markers=40)
    (target,) = make_targets(train[:1], phenotypes[:1], chains=16)
    (drawn,) = sample(design, "brr", [target], Settings(2500, 200, 1))
    (exact,) = fit_exact_brr(design, [target], 0.95)
    error = drawn.sd / np.sqrt(5000)
    assert np.abs((drawn.effect - exact.effect) / error).max() < 5
    np.testing.assert_allclose(drawn.sd, exact.sd, rtol=0.04)
    for name, moments in exact.summary().items():
        chains = drawn.traces[name].mean(axis=1)
        z = (chains.mean() - moments["mean"]) / (chains.std(ddof=1) / 4)
        assert abs(z) < 5, name
