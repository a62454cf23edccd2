"""Bayesian linear regressions (BRR, Bayesian lasso, BayesC-pi), many chains at once."""

from grvsnn.gibbs.design import Design, build_design
from grvsnn.gibbs.exact import fit_exact_brr
from grvsnn.gibbs.lanes import Target
from grvsnn.gibbs.posterior import Posterior
from grvsnn.gibbs.sampler import Settings, choose_kernel, sample

__all__ = (
    "Design",
    "Posterior",
    "Settings",
    "Target",
    "build_design",
    "choose_kernel",
    "fit_exact_brr",
    "sample",
)
