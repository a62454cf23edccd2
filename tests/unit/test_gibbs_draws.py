"""The kernel's random numbers: their laws, and that both kernels share the streams."""

import numpy as np
import pytest
from grvsnn.models.gibbs import fallback
from grvsnn.models.gibbs.design import BLOCK
from scipy import stats

from tests.unit.gibbs_toys import kernel_or_skip

LANES = 16


def generators(seed=3):
    words = np.random.SeedSequence(seed).generate_state(4 * LANES)
    return words.reshape(4, LANES).copy()


@pytest.fixture(scope="module")
def draws():
    return kernel_or_skip("c").draws(generators(), 4000)


def test_normals_are_normal(draws):
    """Two million draws: Kolmogorov-Smirnov, moments, and both tails beyond 4 sd."""
    z = draws[0].ravel().astype(float)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    n = len(z)
    assert abs(z.mean()) < 4.5 / np.sqrt(n)
    assert abs((z**2).mean() - 1) < 4.5 * np.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 4.5 * np.sqrt(96 / n)
    expected = n * stats.norm.sf(4)
    for side in (z > 4, z < -4):
        assert abs(side.sum() - expected) < 4.5 * np.sqrt(expected)


def test_partners_of_a_pair_are_uncorrelated(draws):
    first, second = draws[0][:, :16].ravel(), draws[0][:, 16:].ravel()
    limit = 4.5 / np.sqrt(len(first))
    assert abs(np.corrcoef(first, second)[0, 1]) < limit
    assert abs(np.corrcoef(first**2, second**2)[0, 1]) < limit


def test_lanes_are_uncorrelated(draws):
    correlation = np.corrcoef(draws[0].reshape(-1, LANES).T)
    off = correlation[~np.eye(LANES, dtype=bool)]
    assert np.abs(off).max() < 5 / np.sqrt(draws[0].size / LANES)


def test_uniforms_are_uniform_and_open(draws):
    u = draws[1].ravel().astype(float)
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert 0 < u.min() and u.max() < 1


def test_fallback_draws_the_same_numbers(draws):
    """The streams are equal bit by bit; logarithm and sine round differently."""
    rng = generators()
    normals, uniforms = (np.empty((BLOCK, LANES), np.float32) for _ in range(2))
    for index in range(3):
        fallback.draw_normals(rng, normals)
        fallback.draw_uniforms(rng, uniforms)
        np.testing.assert_allclose(normals, draws[0][index], atol=3e-6)
        np.testing.assert_array_equal(uniforms, draws[1][index])


def test_inverse_gaussian_of_the_lasso():
    """1/tau2 given |b| follows scipy's inverse Gaussian (fallback's routine)."""
    var_e, lambda_, b = 0.8, 3.0, 0.05
    rng = generators(9)
    effect = np.full((BLOCK, LANES), b, np.float32)
    found = []
    for _ in range(200):
        out = np.empty_like(effect)
        ones = np.ones(LANES, np.float32)
        fallback.draw_tau2(
            rng, effect, np.float32(var_e) * ones, np.float32(lambda_) * ones, out
        )
        found.append(out.ravel().astype(float))
    nu, shape = np.sqrt(var_e) * lambda_ / b, lambda_**2
    law = stats.invgauss(mu=nu / shape, scale=shape)
    assert stats.kstest(np.concatenate(found), law.cdf).pvalue > 1e-4
