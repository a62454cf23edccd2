"""Prior constants and start values, by BGLR 1.1.5's default rules where it has them.

Prior densities, with R2 = 0.5 shared equally by the L terms, MSx the summed variance of
a term's features, and v the (n - 1)-variance of the phenotype:

- residual variance: scaled inverse chi-square, 5 degrees of freedom and scale
  0.5 v (5 + 2);
- BRR and BayesC-pi: effect variance scaled inverse chi-square, 5 degrees of freedom and
  scale (v R2/L / MSx)(5 + 2), in BayesC over the prior inclusion probability 0.5;
- BayesC-pi: pi ~ Beta(6, 6), as BGLR's code adds one to both of its counts;
- BayesR, which BGLR does not have: effects are zero, or normal with 1e-4, 1e-3 or 1e-2
  times the term's variance, with probabilities ~ Dirichlet(1, 1, 1, 1) (Erbe et al.
  2012, J. Dairy Sci. 95:4114; Moser et al. 2015, PLoS Genet. 11:e1004969); the term's
  variance scaled inverse chi-square like BRR's, over the mean share at the start;
- Bayesian lasso: lambda^2 ~ Gamma(1.1, rate 0.1 / (2 (1 - R2) MSx L / R2)).
"""

from dataclasses import dataclass, field

import numpy as np

MODELS = ("brr", "blasso", "bayescpi", "bayesr")
MODEL_CODE = {name: code for code, name in enumerate(MODELS)}
"""The models' numbers in the kernels."""
DF = 5.0
R2 = 0.5
PROBABILITY_IN = 0.5
PI_COUNTS = 6.0
LAMBDA_SHAPE = 1.1
CLASS_SHARES = (1e-4, 1e-3, 1e-2)
"""Variances of BayesR's classes, as shares of the term's; the kernels have them too."""
CLASS_COUNTS = 1.0
START_CLASSES = (0.95, 0.02, 0.02, 0.01)
"""Probabilities of zero and of each class at the start of a chain."""


@dataclass(frozen=True)
class TermPrior:
    """Prior of one term: effects' variance (BRR, BayesC-pi) or lambda^2 (lasso)."""

    scale_b: float
    lambda_rate: float
    start_var_b: float
    start_lambda2: float
    start_tau2: float


@dataclass(frozen=True)
class Prior:
    """Prior of one chain: residual variance and every term."""

    scale_e: float
    start_var_e: float
    terms: tuple[TermPrior, ...] = field(default_factory=tuple)


def default_prior(model: str, variance: float, mean_squares: np.ndarray) -> Prior:
    """Prior of a chain from its phenotype's variance and its features' variances.

    Parameters
    ----------
    model : {"brr", "blasso", "bayescpi", "bayesr"}
        Model.
    variance : float
        (n - 1)-variance of the phenotype over the chain's rows.
    mean_squares : ndarray of float, shape (terms,)
        MSx of each term: the sum of its features' 1/n variances over those rows.
    """
    share = R2 / len(mean_squares)
    start_var_e = variance * (1 - R2)
    terms = tuple(
        _term_prior(model, variance * share / ms, 2 * (1 - R2) / share * ms)
        for ms in mean_squares
    )
    return Prior(start_var_e * (DF + 2), start_var_e, terms)


def _term_prior(model: str, per_feature: float, lambda2: float) -> TermPrior:
    scale_b = per_feature * (DF + 2)
    if model == "bayescpi":
        scale_b /= PROBABILITY_IN
    if model == "bayesr":
        scale_b /= sum(
            p * share for p, share in zip(START_CLASSES[1:], CLASS_SHARES, strict=True)
        )
    return TermPrior(
        scale_b=scale_b,
        lambda_rate=(LAMBDA_SHAPE - 1) / lambda2,
        # BGLR starts BayesC at the prior's scale and BRR at its mode
        start_var_b=scale_b if model == "bayescpi" else scale_b / (DF + 2),
        start_lambda2=lambda2,
        start_tau2=per_feature,
    )
