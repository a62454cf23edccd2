from itertools import permutations

import numpy as np
import pytest
from grvsnn.scoring.metrics import dcor as distance_correlation
from grvsnn.scoring.metrics import dcor_chance


def by_definition(x, y):
    def centred(v):
        d = np.abs(np.subtract.outer(v, v))
        return d - d.mean(0) - d.mean(1)[:, None] + d.mean()

    A, B = centred(x), centred(y)
    return np.sqrt((A * B).mean() / np.sqrt((A * A).mean() * (B * B).mean()))


def draw(n, ties=False, seed=0):
    rng = np.random.default_rng([n, seed])
    x = rng.normal(size=n)
    y = x**2 + rng.normal(size=n)
    return (np.round(x), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 9, 31, 32, 33, 200])
@pytest.mark.parametrize("ties", [False, True])
def test_equals_the_definition(n, ties):
    x, y = draw(n, ties)
    if np.ptp(x) and np.ptp(y):
        expected = by_definition(x, y)
        assert distance_correlation(x, y) == pytest.approx(expected, abs=1e-12)
    else:
        assert np.isnan(distance_correlation(x, y))


def test_symmetric_and_blind_to_scale_shift_and_order():
    x, y = draw(150)
    value = distance_correlation(x, y)
    assert distance_correlation(y, x) == pytest.approx(value, abs=1e-12)
    assert distance_correlation(5 - 3 * x, 1e-3 * y) == pytest.approx(value, abs=1e-12)
    shuffled = np.random.default_rng(1).permutation(150)
    assert distance_correlation(x[shuffled], y[shuffled]) == pytest.approx(
        value, abs=1e-12
    )


def test_limits():
    x, _ = draw(100)
    assert distance_correlation(x, 2 - 5 * x) == pytest.approx(1.0, abs=1e-12)
    assert np.isnan(distance_correlation(x, np.ones(100)))


def test_independent_vectors_shrink_with_the_root_of_n():
    def mean_value(n):
        pairs = np.random.default_rng(2).normal(size=(40, 2, n))
        return np.mean([distance_correlation(*pair) for pair in pairs])

    # the ratio of 16 in n makes one of about 4 in dCor
    assert mean_value(100) / mean_value(1600) == pytest.approx(4.0, rel=0.15)


@pytest.mark.parametrize("ties", [False, True])
def test_chance_level_is_the_root_mean_square_over_all_permutations(ties):
    x, y = draw(6, ties)
    squares = [by_definition(x, y[list(p)]) ** 2 for p in permutations(range(6))]
    expected = np.sqrt(np.mean(squares))
    assert dcor_chance(x, y) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(dcor_chance(x, np.ones(6)))


def test_chance_level_is_that_of_independent_normal_vectors():
    pairs = np.random.default_rng(4).normal(size=(200, 2, 363))
    mean = np.mean([distance_correlation(*pair) for pair in pairs])
    # a root mean square is above its mean, here by 2 %; the SD of the mean is 1 %
    assert np.mean([dcor_chance(*p) for p in pairs]) == pytest.approx(mean, rel=0.05)
    assert mean == pytest.approx(0.092, abs=0.003)


def test_normal_vectors_reach_the_known_population_value():
    # Szekely et al. (2007), theorem 7, with correlation 0.6
    rho = 0.6
    root, half = np.sqrt(1 - rho**2), np.sqrt(4 - rho**2)
    above = rho * np.arcsin(rho) + root - rho * np.arcsin(rho / 2) - half + 1
    expected = np.sqrt(above / (1 + np.pi / 3 - np.sqrt(3)))
    x, noise = np.random.default_rng(3).normal(size=(2, 40_000))
    # the sampling SD is about 0.004
    assert distance_correlation(x, rho * x + root * noise) == pytest.approx(
        expected, abs=0.015
    )
