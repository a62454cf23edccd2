"""Conformal intervals: exact ranks, limits, invariances and simulated coverage."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from grvsnn.base.errors import InputError
from grvsnn.models.plus.gradient_flow import gradient_flow
from grvsnn.models.plus.stacking import earn_weights
from grvsnn.protocol.conformal import cv_plus, member_intervals


def test_ranks_are_the_papers_on_cases_done_by_hand():
    residuals = np.array([-1.0, 2.0, -3.0, 4.0, 5.0, -6.0, 7.0, 8.0, 9.0])
    one = np.zeros(9, dtype=int)
    # n = 9: ranks ceil(0.9 * 10) = 9 and floor(0.1 * 10) = 1
    lower, upper = cv_plus(np.array([[10.0]]), residuals, one, 0.9)
    assert (lower[0], upper[0]) == (1.0, 19.0)
    # ranks ceil(0.75 * 10) = 8 and floor(0.25 * 10) = 2
    lower, upper = cv_plus(np.array([[10.0]]), residuals, one, 0.75)
    assert (lower[0], upper[0]) == (2.0, 18.0)
    # two members at 0 and 100 with residuals 1..3 and 1..3; n = 6, ranks 4 and 3
    residuals, member = np.array([1.0, 2, 3, 1, 2, 3]), np.array([0, 0, 0, 1, 1, 1])
    lower, upper = cv_plus(np.array([[0.0], [100.0]]), residuals, member, 0.5)
    # lower: third of (-3, -2, -1, 97, ...), upper: fourth of (1, 2, 3, 101, ...)
    assert (lower[0], upper[0]) == (-1.0, 101.0)


@pytest.mark.parametrize(("n", "finite"), [(0, False), (8, False), (9, True)])
def test_too_few_calibration_rows_give_infinite_bounds(n, finite):
    bounds = cv_plus(np.zeros((1, 3)), np.ones(n), np.zeros(n, dtype=int), 0.9)
    for bound in bounds:
        assert bound.shape == (3,)
        assert np.isfinite(bound).all() == finite


@pytest.mark.parametrize("n", [9, 19, 69, 99, 209, 999])
def test_whole_ranks_survive_rounding(n):
    """0.9 (n + 1) is whole, so that exactly a tenth of n + 1 is left outside."""
    residuals = np.arange(1.0, n + 1)
    _, upper = cv_plus(np.zeros((1, 1)), residuals, np.zeros(n, dtype=int), 0.9)
    assert upper[0] == (n + 1) * 9 // 10


def test_one_member_is_split_conformal():
    rng = np.random.default_rng(0)
    centre, residuals = rng.normal(size=(1, 40)), rng.normal(size=157)
    lower, upper = cv_plus(centre, residuals, np.zeros(157, dtype=int), 0.9)
    # numpy's inverted_cdf takes the ceil(n q)-th smallest
    level = np.ceil(0.9 * 158) / 157
    half = np.quantile(np.abs(residuals), level, method="inverted_cdf")
    np.testing.assert_array_equal(lower, centre[0] - half)
    np.testing.assert_array_equal(upper, centre[0] + half)


def test_members_that_agree_are_one_member_and_order_does_not_matter(monkeypatch):
    rng = np.random.default_rng(1)
    centre, residuals = rng.normal(size=50), rng.normal(size=200)
    member = rng.integers(0, 5, 200)
    same = cv_plus(np.tile(centre, (5, 1)), residuals, member)
    for one, two in zip(
        same, cv_plus(centre[None], residuals, 0 * member), strict=True
    ):
        np.testing.assert_array_equal(one, two)

    apart = centre + 0.3 * rng.normal(size=(5, 50))
    before = cv_plus(apart, residuals, member)
    order, names = rng.permutation(200), rng.permutation(5)
    # also in blocks of seven new rows
    monkeypatch.setattr("grvsnn.protocol.conformal.BLOCK", 7 * 200)
    after = cv_plus(apart[np.argsort(names)], residuals[order], names[member[order]])
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)


def test_higher_coverage_contains_lower_coverage():
    rng = np.random.default_rng(2)
    centre, residuals = rng.normal(size=(4, 60)), rng.normal(size=80)
    member = np.arange(80) % 4
    bounds = [cv_plus(centre, residuals, member, c) for c in (0.5, 0.8, 0.9, 0.97)]
    for (lower, upper), (wider_lower, wider_upper) in pairwise(bounds):
        assert (lower <= upper).all()
        assert (wider_lower <= lower).all() and (upper <= wider_upper).all()


def ridge_intervals(rng, n, n_new, n_members, n_parts=5, p=30):
    """Coverage and relative width of intervals around ridge regressions."""
    effects = rng.normal(size=p) / np.sqrt(p)
    X = rng.normal(size=(n + n_new, p))
    y = X @ effects + rng.standard_t(5, size=n + n_new)
    held_out, member_of_row = np.full((n, 1), np.nan), np.full(n, -1)
    new = []
    parts = np.array_split(rng.permutation(n), n_parts)[:n_members]
    for member, part in enumerate(parts):
        rest = np.setdiff1d(np.arange(n), part)
        gram = X[rest].T @ X[rest] + 10 * np.eye(p)
        w = np.linalg.solve(gram, X[rest].T @ y[rest])
        held_out[part, 0] = X[part] @ w
        member_of_row[part] = member
        new.append(X[n:] @ w)
    bounds = member_intervals(
        np.stack(new)[:, :, None], held_out, y[:n, None], member_of_row
    )
    assert bounds.shape == (n_new, 1, 2)
    return np.mean((bounds[:, 0, 0] <= y[n:]) & (y[n:] <= bounds[:, 0, 1]))


@pytest.mark.parametrize("n_members", [1, 3, 5])
def test_coverage_is_nominal_on_exchangeable_rows(n_members):
    """Split conformal: between 0.9 and 0.9 + 1 / (n_cal + 1) on average."""
    rng = np.random.default_rng(n_members)
    small = [ridge_intervals(rng, 60, 10, n_members) for _ in range(400)]
    assert np.mean(small) > 0.9 - 3 * np.std(small) / 20
    large = [ridge_intervals(rng, 1000, 500, n_members) for _ in range(30)]
    assert np.mean(large) == pytest.approx(0.9, abs=0.012)


SCALES = (0.1, 0.01, 0.001)


def train(X, Y, fit_rows, validation):
    """Predictions (R, n, C) of C problems from each start scale, stopped early."""
    parts = [
        gradient_flow(
            X[fit_rows],
            Y[fit_rows],
            X[validation],
            Y[validation],
            torch.full((X.shape[1], Y.shape[1]), scale, dtype=X.dtype),
            max_steps=200,
        )
        for scale in SCALES
    ]
    predicted = np.stack([(X @ part.effects).numpy() for part in parts])
    return predicted, np.stack([part.losses.numpy() for part in parts])


def draw_problems(seed, n, p=40, n_problems=150):
    """Exchangeable rows: predictors, and phenotypes of heritability 0.3."""
    rng = np.random.default_rng(seed)
    X, effects = rng.standard_normal((n, p)), rng.standard_normal((p, n_problems))
    value = X @ (effects * (rng.random((p, n_problems)) < 0.2))
    value *= np.sqrt(0.3) / np.maximum(value.std(axis=0), 1e-9)
    Y = value + np.sqrt(0.7) * rng.standard_normal((n, n_problems))
    return torch.from_numpy(X), torch.from_numpy(Y)


def covered(bounds, y):
    return np.mean((bounds[..., 0] <= y) & (y <= bounds[..., 1]))


def split_coverage(seed, n_cal, n_new=100):
    """Coverage when the rows that stop and tune calibrate, and when others do."""
    n_fit = 4 * n_cal
    X, Y = draw_problems(seed, n_fit + 2 * n_cal + n_new)
    fit_rows, stopping = np.arange(n_fit), np.arange(n_fit, n_fit + n_cal)
    new = np.arange(len(X) - n_new, len(X))
    predicted, losses = train(X, Y, fit_rows, stopping)
    Y = Y.numpy()
    found = {"same": [], "fresh": []}
    for problem, best in enumerate(losses.argmin(axis=0)):
        mu, y = predicted[best, :, problem], Y[:, problem]
        for name, rows in (("same", stopping), ("fresh", stopping + n_cal)):
            residuals, one = y[rows] - mu[rows], np.zeros(n_cal, dtype=int)
            bounds = np.stack(cv_plus(mu[None, new], residuals, one), axis=-1)
            found[name].append(covered(bounds, y[new]))
    return {name: np.mean(values) for name, values in found.items()}


@pytest.mark.parametrize(("n_cal", "loss"), [(20, 0.04), (100, 0.02)])
def test_coverage_where_calibration_rows_also_stop_and_tune(n_cal, loss):
    """It falls short of 0.9, by at most `loss`, the less the more rows calibrate.

    Rows that chose neither step nor start scale keep what split conformal promises;
    150 problems leave a Monte Carlo error of about 0.005.
    """
    rates = split_coverage(0, n_cal)
    promised = np.ceil(0.9 * (n_cal + 1)) / (n_cal + 1)
    assert rates["fresh"] == pytest.approx(promised, abs=0.015)
    assert 0.9 - loss < rates["same"] < rates["fresh"] - 0.003


def stacked_coverage(seed, n, n_new=100, n_parts=5):
    """Coverage of CV+ when the same rows stop, weigh the parts and calibrate."""
    X, Y = draw_problems(seed, n + n_new, n_problems=60)
    parts = np.array_split(np.random.default_rng(seed).permutation(n), n_parts)
    held_out = np.full((len(SCALES), n, Y.shape[1]), np.nan)
    new, member_of_row = [], np.full(n, -1)
    for member, part in enumerate(parts):
        predicted, _ = train(X, Y, np.setdiff1d(np.arange(n), part), part)
        held_out[:, part] = predicted[:, part]
        new.append(predicted[:, n:])
        member_of_row[part] = member
    new, Y = np.stack(new), Y.numpy()
    rates = []
    for problem, y in enumerate(Y.T):
        weights = earn_weights(held_out[:, :, problem], y[:n])
        bounds = member_intervals(
            np.einsum("r,krn->kn", weights, new[..., problem])[:, :, None],
            (weights @ held_out[:, :, problem])[:, None],
            y[:n, None],
            member_of_row,
        )
        rates.append(covered(bounds[:, 0], y[n:]))
    return np.mean(rates)


def test_coverage_where_calibration_rows_also_stop_and_weigh():
    """As in grvsnn_plus, from 100 training rows in five inner folds."""
    assert stacked_coverage(0, 100) == pytest.approx(0.9, abs=0.02)


def test_missing_phenotypes_are_left_out_trait_by_trait():
    rng = np.random.default_rng(4)
    new, held_out = rng.normal(size=(3, 7, 2)), rng.normal(size=(90, 2))
    Y, member = rng.normal(size=(90, 2)), np.arange(90) % 4 - 1
    Y[10:40, 1] = np.nan
    bounds = member_intervals(new, held_out, Y, member)
    keep = np.r_[0:10, 40:90]
    part = member_intervals(new, held_out[keep], Y[keep], member[keep])
    np.testing.assert_array_equal(bounds[:, 1], part[:, 1])
    assert not np.array_equal(bounds[:, 0], part[:, 0])
    # rows that no member held out are never read
    Y[member < 0], held_out[member < 0] = 1e9, np.nan
    np.testing.assert_array_equal(member_intervals(new, held_out, Y, member), bounds)


def test_a_constant_phenotype_that_is_predicted_exactly_has_no_width():
    lower, upper = cv_plus(np.full((2, 4), 3.0), np.zeros(20), np.arange(20) % 2)
    np.testing.assert_array_equal(lower, 3.0)
    np.testing.assert_array_equal(upper, 3.0)


@pytest.mark.parametrize("coverage", [0.4, 1.0, float("nan")])
def test_impossible_coverage_is_refused(coverage):
    with pytest.raises(InputError, match="coverage"):
        cv_plus(np.zeros((1, 1)), np.zeros(9), np.zeros(9, dtype=int), coverage)
