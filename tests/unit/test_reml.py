"""REML against a dense numerical optimiser, limits and invariances."""

import numpy as np
import pytest
from grvsnn.models.mixed.reml import (
    build_contrasts,
    fit_average_information,
    fit_profile,
    fit_reml,
)
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices lose more than they gain from several BLAS threads."""
    with threadpool_limits(1):
        yield


def make_kernels(rng, n=80, p=120, n_loadings=10):
    """A marker kernel, and pedigree loadings of families."""
    Z = rng.binomial(2, 0.3, (n, p)) - 0.6
    L = np.eye(n_loadings)[rng.integers(n_loadings, size=n)] * 1.3
    return Z @ Z.T / (0.42 * p), L


def simulate(rng, kernels, variances, residual):
    n = len(kernels[0])
    V = sum(s * K for s, K in zip(variances, kernels, strict=True))
    V = V + residual * np.eye(n)
    return 3.0 + np.linalg.cholesky(V + 1e-9 * np.eye(n)) @ rng.standard_normal(n)


def dense_reml(s, y, kernels):
    """Restricted log-likelihood by textbook matrices, up to no constant."""
    n = len(y)
    V = sum(a * K for a, K in zip(s[:-1], kernels, strict=True)) + s[-1] * np.eye(n)
    inverse = np.linalg.inv(V)
    one = np.ones(n)
    information = one @ inverse @ one
    P = inverse - np.outer(inverse @ one, one @ inverse) / information
    logdet = np.linalg.slogdet(V)[1] + np.log(information) - np.log(n)
    return -0.5 * ((n - 1) * np.log(2 * np.pi) + logdet + y @ P @ y), P


def dense_optimum(y, kernels, starts):
    def negative(log_s):
        return -dense_reml(np.exp(log_s), y, kernels)[0]

    fits = [minimize(negative, np.log(s), method="L-BFGS-B") for s in starts]
    best = min(fits, key=lambda fit: fit.fun)
    return np.exp(best.x), -best.fun


def test_one_kernel_matches_a_dense_optimiser():
    rng = np.random.default_rng(1)
    K, _ = make_kernels(rng)
    y = simulate(rng, [K], [0.6], 0.4)
    fit = fit_reml(y, build_contrasts(K))
    s, height = dense_optimum(y, [K], [(0.5, 0.5), (0.1, 0.9)])
    assert fit.log_likelihood == pytest.approx(height, abs=1e-6)
    assert fit.log_likelihood >= height - 1e-9
    np.testing.assert_allclose([*fit.variances, fit.residual], s, rtol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_two_kernels_match_a_dense_optimiser(seed):
    rng = np.random.default_rng(seed)
    K, L = make_kernels(rng)
    kernels = [K, L @ L.T]
    y = simulate(rng, kernels, [0.4, 0.3], 0.4)
    fit = fit_reml(y, build_contrasts(K, [L]))
    starts = [(0.3, 0.3, 0.4), (0.05, 0.6, 0.3), (0.6, 0.01, 0.3)]
    s, height = dense_optimum(y, kernels, starts)
    assert fit.converged
    # the dense optimiser works on logarithms and cannot reach an exact zero
    assert fit.log_likelihood >= height - 1e-6
    assert fit.log_likelihood == pytest.approx(height, abs=1e-3)
    np.testing.assert_allclose([*fit.variances, fit.residual], s, atol=0.01)


def test_likelihood_and_projection_equal_the_dense_formulas():
    rng = np.random.default_rng(2)
    K, L = make_kernels(rng)
    kernels = [K, L @ L.T]
    y = simulate(rng, kernels, [0.5, 0.4], 0.3)
    fit = fit_reml(y, build_contrasts(K, [L]))
    height, P = dense_reml([*fit.variances, fit.residual], y, kernels)
    assert fit.log_likelihood == pytest.approx(height, abs=1e-8)
    np.testing.assert_allclose(fit.projected, P @ y, atol=1e-8)


def test_the_optimum_is_stationary_or_at_a_bound():
    rng = np.random.default_rng(3)
    K, L = make_kernels(rng)
    y = simulate(rng, [K, L @ L.T], [0.5, 0.4], 0.3)
    fit = fit_reml(y, build_contrasts(K, [L]))
    s = np.array([*fit.variances, fit.residual])
    for k in range(3):
        h = 1e-4 * np.eye(3)[k]
        up, down = (dense_reml(s + d, y, [K, L @ L.T])[0] for d in (h, -h))
        assert abs(up - down) / 2e-4 < 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_both_routes_agree_on_one_kernel(seed):
    rng = np.random.default_rng(seed)
    K, _ = make_kernels(rng)
    y = simulate(rng, [K], [0.1 * seed], 1.0)
    contrasts = build_contrasts(K)
    one, many = fit_profile(y, contrasts), fit_average_information(y, contrasts)
    assert one.log_likelihood == pytest.approx(many.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(one.variances, many.variances, atol=1e-5)
    np.testing.assert_allclose(one.projected, many.projected, atol=1e-4)


def test_scaling_a_kernel_scales_its_variance_and_nothing_else():
    rng = np.random.default_rng(4)
    K, L = make_kernels(rng)
    y = simulate(rng, [K, L @ L.T], [0.4, 0.4], 0.4)
    plain = fit_reml(y, build_contrasts(K, [L]))
    scaled = fit_reml(y, build_contrasts(50.0 * K, [L / 10.0]))
    np.testing.assert_allclose(
        scaled.variances, plain.variances * [1 / 50.0, 100.0], rtol=1e-5
    )
    np.testing.assert_allclose(scaled.shares, plain.shares, atol=1e-7)
    np.testing.assert_allclose(scaled.projected, plain.projected, atol=1e-6)


def test_units_of_the_trait_cancel():
    rng = np.random.default_rng(5)
    K, L = make_kernels(rng)
    y = simulate(rng, [K, L @ L.T], [0.4, 0.4], 0.4)
    contrasts = build_contrasts(K, [L])
    plain, scaled = fit_reml(y, contrasts), fit_reml(100.0 * y + 7.0, contrasts)
    np.testing.assert_allclose(scaled.variances, 1e4 * plain.variances, rtol=1e-6)
    np.testing.assert_allclose(scaled.shares, plain.shares, atol=1e-8)


def test_recentring_the_kernel_changes_nothing():
    rng = np.random.default_rng(6)
    K, L = make_kernels(rng)
    y = simulate(rng, [K, L @ L.T], [0.4, 0.4], 0.4)
    shift = rng.standard_normal(len(K))
    moved = K + shift[:, None] + shift[None, :]
    plain = fit_reml(y, build_contrasts(K, [L]))
    other = fit_reml(y, build_contrasts(moved, [L + 2.0]))
    np.testing.assert_allclose(other.variances, plain.variances, rtol=1e-6)
    np.testing.assert_allclose(other.projected, plain.projected, atol=1e-7)


def test_simulated_heritability_comes_back():
    rng = np.random.default_rng(7)
    K, L = make_kernels(rng, n=320, p=200, n_loadings=60)
    contrasts = build_contrasts(K, [L])
    kernels = [K, L @ L.T]
    truth = np.array([0.5, 0.3])
    fits = [fit_reml(simulate(rng, kernels, truth, 0.5), contrasts) for _ in range(12)]
    estimates = np.array([[*fit.variances, fit.residual] for fit in fits])
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(fits))
    assert np.all(np.abs(estimates.mean(axis=0) - [0.5, 0.3, 0.5]) < 3.5 * error)
    assert np.all(error < 0.06)


def test_pure_noise_against_the_kernel_gives_exactly_zero():
    """Phenotypes that are the opposite of family resemblance leave no variance."""
    L = np.eye(20)[np.repeat(np.arange(20), 4)]
    y = np.tile([1.0, -1.0, 2.0, -2.0], 20)
    rng = np.random.default_rng(8)
    K, _ = make_kernels(rng)
    alone = fit_reml(y, build_contrasts(L @ L.T))
    assert alone.variances[0] == 0.0
    assert alone.residual == pytest.approx(y.var(ddof=1))
    both = fit_reml(y, build_contrasts(K, [L]))
    assert both.variances[1] == 0.0


def test_a_kernel_that_separates_nobody_gets_zero():
    rng = np.random.default_rng(9)
    K, L = make_kernels(rng)
    y = simulate(rng, [K], [0.5], 0.5)
    plain = fit_reml(y, build_contrasts(K))
    flat = fit_reml(y, build_contrasts(K, [np.ones((len(y), 1))]))
    assert flat.variances[1] == 0.0
    np.testing.assert_allclose(flat.variances[0], plain.variances[0], rtol=1e-4)
    empty = fit_reml(y, build_contrasts(np.zeros_like(K), [L]))
    assert empty.variances[0] == 0.0


def test_twin_kernels_share_their_variance():
    """Two copies of one kernel: only the sum is identified."""
    rng = np.random.default_rng(10)
    _, L = make_kernels(rng)
    y = simulate(rng, [L @ L.T], [0.5], 0.5)
    one = fit_reml(y, build_contrasts(L @ L.T))
    two = fit_reml(y, build_contrasts(L @ L.T, [L]))
    assert two.variances.sum() == pytest.approx(one.variances[0], rel=1e-3)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)


def test_a_factor_wider_than_the_sample_is_the_same_kernel():
    rng = np.random.default_rng(11)
    K, L = make_kernels(rng, n=40)
    wide = np.hstack([L, np.zeros((40, 90)), 0.2 * rng.standard_normal((40, 20))])
    y = simulate(rng, [K, wide @ wide.T], [0.4, 0.4], 0.4)
    square = np.linalg.cholesky(wide @ wide.T + 1e-12 * np.eye(40))
    first = fit_reml(y, build_contrasts(K, [wide]))
    second = fit_reml(y, build_contrasts(K, [square]))
    np.testing.assert_allclose(first.variances, second.variances, rtol=1e-5)


@pytest.mark.parametrize("value", [2.0, 0.1, -1e6 / 3.0])
def test_a_constant_trait_has_no_variance(value):
    K, L = make_kernels(np.random.default_rng(12))
    for contrasts in (build_contrasts(K), build_contrasts(K, [L])):
        fit = fit_reml(np.full(len(K), value), contrasts)
        assert (fit.h2, fit.residual) == (0.0, 0.0)
        assert not fit.projected.any()
