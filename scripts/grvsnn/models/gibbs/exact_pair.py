"""Bayesian ridge regression with two terms without sampling: one more variance ratio.

Given rho = varB_2/varB_1, the model has one variance of effects once the features of
the second term are multiplied by sqrt(rho), and `grvsnn.models.gibbs.exact_integral`
integrates it over varE and varB_1. One dimension is left, for the trapezoidal rule on
log rho: its error falls as exp(-2 pi^2 (sd/step)^2) for a density near the normal one,
so that steps of about a standard deviation do.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grvsnn.models.gibbs.design import Design
from grvsnn.models.gibbs.exact_integral import (
    Integral,
    Spectrum,
    effect_moments,
    make_posterior,
)
from grvsnn.models.gibbs.lanes import Scaling, Target, target_prior
from grvsnn.models.gibbs.posterior import Posterior
from grvsnn.models.gibbs.priors import Prior

FIRST_STEP = 0.5
FIRST_SPAN = 6  # steps to either side of the prior's ratio
COARSEST = 1.25  # largest step, in posterior standard deviations of log rho
NEGLIGIBLE = 1e-7  # posterior weight of a ratio that is left out, relative
FURTHEST = 20.0  # of log rho from the prior's ratio

# log marginal density of every target at one log ratio, up to a constant
Evidence = Callable[[float], np.ndarray]


def fit_pair(
    design: Design, targets: Sequence[Target], scaling: Scaling, interval: float
) -> list[Posterior]:
    """Exact posterior of two terms, for targets with the same rows.

    Parameters
    ----------
    design : Design
        Features, two terms.
    targets : sequence of Target
        Phenotypes of the same rows.
    scaling : Scaling
        Of the features over these rows.
    interval : float
        Probability inside the credible interval.
    """
    priors = [target_prior(design, "brr", target, scaling)[0] for target in targets]
    first, second = priors[0].terms
    centre = float(np.log(second.start_var_b / first.start_var_b))
    spectrum = Spectrum(design, targets[0], scaling)

    def integrate(log_ratio: float) -> list[Integral]:
        factors = (1.0, float(np.exp(centre + log_ratio)))
        spectrum.decompose(factors)
        return [
            Integral(spectrum, target.y[target.used], prior, factors)
            for target, prior in zip(targets, priors, strict=True)
        ]

    def evidence(log_ratio: float) -> np.ndarray:
        return np.array([one.log_evidence for one in integrate(log_ratio)])

    return _average(spectrum, integrate, weigh_ratios(evidence), priors, interval)


def weigh_ratios(evidence: Evidence) -> dict[float, np.ndarray]:
    """Posterior weights of log ratios on an even grid, as wide and fine as needed.

    Returns
    -------
    dict of float to ndarray, shape (targets,)
        Weights by log ratio; they sum to 1 over the grid. Ratios of negligible weight
        for all targets are left out.
    """
    step, found = FIRST_STEP, {}
    low, high = -FIRST_SPAN, FIRST_SPAN
    while True:
        # whole multiples of a power of two, so that equal ratios are equal keys
        grid = [step * i for i in range(low, high + 1)]
        found |= {x: evidence(x) for x in grid if x not in found}
        weights = _normalise(np.array([found[x] for x in grid]))
        wide = [
            weights[end].max() > NEGLIGIBLE and abs(grid[end]) < FURTHEST
            for end in (0, -1)
        ]
        if any(wide):
            low, high = low - 2 * wide[0], high + 2 * wide[1]
            continue
        mean = weights.T @ grid
        sd = np.sqrt(weights.T @ np.square(grid) - mean**2)
        if step <= COARSEST * sd.min():
            break
        # twice as fine where there is any weight
        inside = np.flatnonzero(weights.max(axis=1) > NEGLIGIBLE)
        low, high = 2 * (low + inside[0] - 1), 2 * (low + inside[-1] + 1)
        step /= 2
    kept = weights.max(axis=1) > NEGLIGIBLE
    return {x: w for x, w, keep in zip(grid, weights, kept, strict=True) if keep}


def _normalise(logs: np.ndarray) -> np.ndarray:
    weights = np.exp(logs - logs.max(axis=0))
    return weights / weights.sum(axis=0)


def _average(
    spectrum: Spectrum,
    integrate: Callable[[float], list[Integral]],
    weights: Mapping[float, np.ndarray],
    priors: Sequence[Prior],
    interval: float,
) -> list[Posterior]:
    """Mix the posteriors given each ratio by the ratios' weights."""
    totals: list[dict[str, np.ndarray]] = [{} for _ in priors]
    intercepts = [0.0] * len(priors)
    for log_ratio, weight in weights.items():
        integrals = integrate(log_ratio)
        moments = effect_moments(spectrum, integrals)
        for i, (integral, (mean, sd)) in enumerate(
            zip(integrals, moments, strict=True)
        ):
            intercepts[i] = integral.intercept
            parts = {"effect": (mean, sd)} | {
                name: (one["mean"], one["sd"]) for name, one in integral.moments.items()
            }
            for name, (m, s) in parts.items():
                powers = weight[i] * np.array([m, np.square(m) + np.square(s)])
                totals[i][name] = totals[i].get(name, 0.0) + powers
    posteriors = []
    for intercept, total in zip(intercepts, totals, strict=True):
        mixed = {name: _mean_sd(*powers) for name, powers in total.items()}
        effect, sd = mixed.pop("effect")
        variances = {
            name: {"mean": float(m), "sd": float(s)} for name, (m, s) in mixed.items()
        }
        posteriors.append(
            make_posterior(spectrum, intercept, variances, effect, sd, interval)
        )
    return posteriors


def _mean_sd(mean: np.ndarray, square: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))
