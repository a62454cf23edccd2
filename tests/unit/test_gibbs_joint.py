"""Geweke's joint-distribution test of the four models and both kernels.

Redrawing the phenotypes from the model after every iteration makes the parameters'
stationary law their prior: any wrong conditional density shows. Sixteen independent
chains give the standard error; the statistics are means of u and u^2 where u, the
prior's distribution function at the draw, must be uniform. The flat intercept plays no
part in centred phenotypes and stays 0.
"""

import numpy as np
import pytest
from grvsnn.models.gibbs.design import build_design
from grvsnn.models.gibbs.lanes import Target
from grvsnn.models.gibbs.priors import (
    CLASS_COUNTS,
    CLASS_SHARES,
    DF,
    LAMBDA_SHAPE,
    PI_COUNTS,
    Prior,
    TermPrior,
)
from grvsnn.models.gibbs.sampler import iterate
from scipy import stats

from tests.unit.gibbs_toys import KERNELS, MODELS, kernel_or_skip, start_group

CHAINS, ITERATIONS, BURN_IN = 16, 2000, 100
N, MARKERS, LOADINGS = 14, 5, 3
TERMS = (
    TermPrior(1.5, 0.2, 0.3, 1.0, 0.5),
    TermPrior(0.8, 0.4, 0.2, 2.0, 0.3),
)
PRIOR = Prior(scale_e=6.0, start_var_e=1.0, terms=TERMS)
# |t| of 15 degrees of freedom exceeds this with probability 1e-4
LIMIT = 5.2


def start(model):
    rng = np.random.default_rng(7)
    genotypes = rng.binomial(2, 0.4, (N, MARKERS)).astype(np.int8)
    floats = rng.standard_normal((N, LOADINGS))
    design = build_design(genotypes, floats, np.arange(N), joint=False)
    used = np.arange(N) != 3  # a row outside the training set
    targets = [
        Target(np.where(used, rng.standard_normal(N), np.nan), used, (seed,), PRIOR)
        for seed in range(CHAINS)
    ]
    group, hyper = start_group(design, model, targets)
    features = np.hstack([genotypes, floats])[used]
    x = (features - features.mean(axis=0)) / features.std(axis=0)
    return group, hyper, x, used


def redraw_phenotypes(group, hyper, x, used, rng, kernel):
    effects = group.effect[group.design.slots, :CHAINS].astype(float)
    y = x @ effects + rng.standard_normal((len(x), CHAINS)) * np.sqrt(hyper.var_e)
    group.target[np.flatnonzero(used), :CHAINS] = y - y.mean(axis=0)
    hyper.y_mean = np.zeros(CHAINS)
    kernel.refresh(group)


def uniform_statistics(model, group, hyper):
    """Prior distribution functions at the current draw, each (values, chains)."""
    slots, design = group.design.slots, group.design
    term = design.slot_term[slots]
    b = group.effect[slots, :CHAINS].astype(float)
    found = {"varE": stats.chi2.cdf(PRIOR.scale_e / hyper.var_e, DF)[None]}
    if model == "blasso":
        tau2 = 1 / group.inverse_tau2[slots, :CHAINS].astype(float)
        lambda2 = hyper.lambda_**2
        rate = np.array([t.lambda_rate for t in TERMS])[:, None]
        found["lambda2"] = stats.gamma.cdf(lambda2 * rate, LAMBDA_SHAPE)
        found["tau2"] = -np.expm1(-tau2 * lambda2[term] / 2)
        found["b"] = stats.norm.cdf(b / np.sqrt(hyper.var_e * tau2))
        return found
    scale = np.array([t.scale_b for t in TERMS])[:, None]
    found["varB"] = stats.chi2.cdf(scale / hyper.var_b, DF)
    sd = np.sqrt(hyper.var_b)[term]
    if model == "brr":
        found["b"] = stats.norm.cdf(b / sd)
        return found
    if model == "bayesr":
        return found | class_statistics(group, hyper, term, b)
    found["pi"] = stats.beta.cdf(hyper.pi, PI_COUNTS, PI_COUNTS)
    # an excluded effect is a uniform by itself, an included one by its normal
    inside = b != 0
    found["included"] = inside * 1.0
    found["b"] = np.where(inside, stats.norm.cdf(b / sd), np.nan)
    return found


def class_statistics(group, hyper, term, b):
    """BayesR: probabilities, classes by them, and effects by their class's normal."""
    inverse = group.inverse_tau2[group.design.slots, :CHAINS].astype(float)
    sd = np.sqrt(hyper.var_b[term] / np.where(inverse > 0, inverse, np.nan))
    share = np.array((0, *CLASS_SHARES))[:, None, None]
    in_class = np.isclose(inverse * share, np.where(share > 0, 1, 0))
    in_class[0] = inverse == 0
    assert (in_class.sum(axis=0) == 1).all() and ((b == 0) == in_class[0]).all()
    p = np.moveaxis(hyper.classes, 1, 0)
    expected = CLASS_COUNTS / (4 * CLASS_COUNTS)
    found = {
        f"class {c}": in_class[c] * 1.0 - expected + 1 / 2 for c in range(len(share))
    }
    beta = stats.beta(CLASS_COUNTS, 3 * CLASS_COUNTS)
    found |= {f"p {c}": beta.cdf(p[c]) for c in range(len(share))}
    return found | {"b": stats.norm.cdf(b / sd)}


def t_value(draws, expected):
    """Mean over draws and values per chain, against its expectation."""
    means = np.nanmean(draws, axis=(0, 1))
    return (means.mean() - expected) / (means.std(ddof=1) / np.sqrt(CHAINS))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kernel_name", KERNELS)
def test_successive_conditional_draws_follow_the_prior(model, kernel_name):
    kernel = kernel_or_skip(kernel_name)
    group, hyper, x, used = start(model)
    rng = np.random.default_rng(11)
    draws = {}
    for iteration in range(ITERATIONS):
        redraw_phenotypes(group, hyper, x, used, rng, kernel)
        iterate(group, hyper, kernel)
        if iteration >= BURN_IN and iteration % 5 == 0:
            for name, u in uniform_statistics(model, group, hyper).items():
                draws.setdefault(name, []).append(u)
    for name, values in draws.items():
        u = np.array(values)
        assert abs(t_value(u, 1 / 2)) < LIMIT, name
        if not name.startswith(("included", "class")):
            assert abs(t_value(u**2, 1 / 3)) < LIMIT, name
