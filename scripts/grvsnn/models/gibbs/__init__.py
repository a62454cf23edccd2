"""Bayesian linear regressions (BRR, Bayesian lasso, BayesC-pi), many chains at once."""
