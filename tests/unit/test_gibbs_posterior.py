"""Summaries without keeping draws: moments, exact quantiles, convergence measures."""

import numpy as np
import pytest
from grvsnn.models.gibbs.diagnostics import effective_size, rhat
from grvsnn.models.gibbs.lanes import scale_features
from grvsnn.models.gibbs.posterior import Recorder, tail_depth, tail_quantile

from tests.unit.gibbs_toys import (
    KERNELS,
    kernel_or_skip,
    make_problem,
    make_targets,
    start_group,
)


def recorded(kernel_name, n_draws, repeats, sparse=False, interval=0.95):
    """Record random effects; return the posterior and the draws themselves."""
    kernel = kernel_or_skip(kernel_name)
    design, _, train, phenotypes = make_problem()
    targets = make_targets(train, phenotypes, chains=repeats)
    group, _ = start_group(design, "brr", targets)
    recorder = Recorder(group, kernel, n_draws, repeats, interval)
    rng = np.random.default_rng(2)
    draws = rng.standard_normal((n_draws, *group.effect.shape)).astype(np.float32)
    if sparse:
        draws *= rng.random(draws.shape) < 0.3
    for draw in draws:
        group.effect[:] = draw
        recorder.add({"varE": draw[:1]})
    scaling = scale_features(design, targets)[1]
    posterior = recorder.posterior(1, targets[1], scaling)
    return posterior, draws[:, design.slots, repeats : 2 * repeats]


@pytest.mark.parametrize("kernel_name", KERNELS)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("repeats", [1, 2])
def test_summaries_equal_those_of_the_kept_draws(kernel_name, sparse, repeats):
    """400 draws: quantiles exactly numpy's (ties at zero included), moments to 1e-5."""
    posterior, draws = recorded(kernel_name, 400, repeats, sparse)
    pooled = draws.transpose(0, 2, 1).reshape(-1, draws.shape[1]).astype(float)
    np.testing.assert_allclose(posterior.effect, pooled.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(posterior.sd, pooled.std(axis=0), rtol=1e-5)
    lower, upper = np.quantile(pooled, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(posterior.lower, lower, rtol=0, atol=1e-7)
    np.testing.assert_allclose(posterior.upper, upper, rtol=0, atol=1e-7)
    np.testing.assert_allclose(posterior.pip, (pooled != 0).mean(axis=0), atol=1e-6)


def test_long_runs_spread_a_thousand_draws_over_the_quantiles():
    """3,000 draws: limits are those of every third one, moments of all."""
    posterior, draws = recorded("c", 3000, 1)
    third = draws[2::3, :, 0].astype(float)
    np.testing.assert_allclose(
        posterior.lower, np.quantile(third, 0.025, axis=0), atol=1e-7
    )
    np.testing.assert_allclose(
        posterior.effect, draws[:, :, 0].mean(axis=0, dtype=float), atol=1e-5
    )


@pytest.mark.parametrize("draws", [2, 3, 17, 800, 999])
@pytest.mark.parametrize("interval", [0.5, 0.9, 0.95, 0.999])
def test_tail_of_minimal_depth_is_enough(draws, interval):
    values = np.random.default_rng(draws).standard_normal(draws)
    kept = np.sort(values)[: tail_depth(draws, interval)]
    probability = (1 - interval) / 2
    expected = np.quantile(values, probability)
    assert tail_quantile(kept, draws, probability) == pytest.approx(expected, abs=1e-12)


def autoregressive(rng, rho, shape):
    noise = rng.standard_normal(shape) * np.sqrt(1 - rho**2)
    trace = np.empty(shape)
    trace[:, 0] = rng.standard_normal(shape[0])
    for i in range(1, shape[1]):
        trace[:, i] = rho * trace[:, i - 1] + noise[:, i]
    return trace


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_size_of_an_autoregressive_trace(rho):
    """N (1 - rho) / (1 + rho), here within 15 %."""
    trace = autoregressive(np.random.default_rng(4), rho, (4, 20000))
    expected = trace.size * (1 - rho) / (1 + rho)
    assert effective_size(trace) == pytest.approx(expected, rel=0.15)
    assert rhat(trace) == pytest.approx(1.0, abs=0.01)


def test_rhat_sees_chains_apart_and_trends():
    rng = np.random.default_rng(4)
    trace = rng.standard_normal((2, 500))
    apart = trace + np.array([[0.0], [2.0]])
    trend = trace[:1] + np.linspace(0, 4, 500)
    assert rhat(apart) > 1.3
    assert rhat(trend) > 1.3
    assert effective_size(apart) < 20


def test_diagnostics_of_degenerate_traces():
    constant = np.ones((1, 100))
    assert rhat(constant) == 1.0
    assert effective_size(constant) == 100
    assert np.isnan(rhat(np.ones((1, 3))))
