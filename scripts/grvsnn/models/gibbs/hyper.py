"""Intercept, variances, lambda and pi: the draws that a chain needs once an iteration.

They are drawn in double precision, by one numpy generator per chain, for both kernels.
"""

from collections.abc import Sequence

import numpy as np

from grvsnn.models.gibbs.lanes import CLASSES, SUMS, LaneGroup
from grvsnn.models.gibbs.priors import (
    CLASS_COUNTS,
    DF,
    LAMBDA_SHAPE,
    PI_COUNTS,
    START_CLASSES,
    Prior,
)


class Hyperparameters:
    """Everything of a group's chains apart from the effects.

    Parameters
    ----------
    model : {"brr", "blasso", "bayescpi", "bayesr"}
        Model.
    priors : sequence of Prior
        One per chain.
    counts : ndarray of int, shape (terms, chains)
        Varying features of each term.
    n_used, y_mean : ndarray of float64, shape (chains,)
        Rows and their mean phenotype.
    generators : sequence of numpy.random.Generator
        One per chain.

    Attributes
    ----------
    mu, var_e : ndarray of float64, shape (chains,)
        Intercept (of centred features) and residual variance.
    var_b, lambda_, pi : ndarray of float64, shape (terms, chains)
        Effects' variance, lambda, and inclusion probability, as the model has them.
    classes : ndarray of float64, shape (terms, 4, chains)
        BayesR's probabilities of zero and of each class.
    """

    def __init__(
        self,
        model: str,
        priors: Sequence[Prior],
        counts: np.ndarray,
        n_used: np.ndarray,
        y_mean: np.ndarray,
        generators: Sequence[np.random.Generator],
    ):
        self.model, self.counts = model, counts
        self.n_used, self.y_mean = n_used, y_mean
        self.generators = generators
        self.scale_e = np.array([prior.scale_e for prior in priors])
        self.scale_b = _by_term(priors, "scale_b")
        self.lambda_rate = _by_term(priors, "lambda_rate")
        self.start_tau2 = _by_term(priors, "start_tau2")
        self.mu = y_mean.copy()
        self.var_e = np.array([prior.start_var_e for prior in priors])
        self.var_b = _by_term(priors, "start_var_b")
        self.lambda_ = np.sqrt(_by_term(priors, "start_lambda2"))
        self.pi = np.full(counts.shape, 0.5)
        start = np.array(START_CLASSES)[:, None]
        self.classes = np.tile(start, (len(counts), 1, counts.shape[1]))

    def traced(self) -> dict[str, np.ndarray]:
        """Return what is recorded, as it stands, each of shape (terms or 1, chains)."""
        values = {"varE": self.var_e[None].copy()}
        if self.model == "blasso":
            return values | {"lambda": self.lambda_.copy()}
        values["varB"] = self.var_b.copy()
        if self.model == "bayescpi":
            values["pi"] = self.pi.copy()
        if self.model == "bayesr":
            values["pi"] = 1 - self.classes[:, 0]
        return values

    def start(self, group: LaneGroup) -> None:
        """Give the lasso's tau2 their start values."""
        if self.model == "blasso":
            chains = len(self.generators)
            tau2 = self.start_tau2[group.design.slot_term]
            group.inverse_tau2[:, :chains] = 1 / tau2

    def publish(self, group: LaneGroup) -> None:
        """Hand the current values to the kernel, as float32."""
        chains, terms = len(self.generators), len(self.counts)
        group.var_e[:chains] = self.var_e
        if self.model == "blasso":
            group.lambda_[:terms, :chains] = self.lambda_
            return
        group.ratio[:terms, :chains] = self.var_e / self.var_b
        if self.model == "bayescpi":
            group.logit_pi[:terms, :chains] = np.log(self.pi) - np.log1p(-self.pi)
        if self.model == "bayesr":
            odds = np.log(self.classes[:, 1:]) - np.log(self.classes[:, :1])
            group.log_odds[:terms, :, :chains] = odds

    def draw_mean(self) -> None:
        """Draw mu ~ N(ybar, var_e/n); features are centred, so effects play no part."""
        z = np.array([generator.standard_normal() for generator in self.generators])
        self.mu = self.y_mean + z * np.sqrt(self.var_e / self.n_used)

    def draw_variances(self, group: LaneGroup) -> None:
        """Draw each term's parameters given its effects, then the residual variance."""
        chains = len(self.generators)
        sums = dict(zip(SUMS, group.term_sums.swapaxes(0, 1), strict=True))
        sums = {name: sums[name][: len(self.counts), :chains] for name in SUMS}
        off_mean = self.n_used * (self.mu - self.y_mean) ** 2
        rest = group.residual_square[:chains] + off_mean + self.scale_e
        df = self.n_used + DF
        if self.model == "blasso":
            self._draw_lambda(sums["tau2"])
            rest = rest + sums["scaled_squares"].sum(axis=0)
            df = df + self.counts.sum(axis=0)
        else:
            self._draw_effect_variance(sums)
        self.var_e = rest / self._chisquare(df[None])[0]

    def _draw_lambda(self, tau2: np.ndarray) -> None:
        rate = tau2 / 2 + self.lambda_rate
        # a gamma with unit rate is half a chi-square of twice its shape
        gamma = self._chisquare(2 * (self.counts + LAMBDA_SHAPE)) / 2
        self.lambda_ = np.sqrt(gamma / rate)

    def _draw_effect_variance(self, sums: dict[str, np.ndarray]) -> None:
        df, squares = self.counts + DF, sums["squares"]
        if self.model == "bayesr":
            self._draw_classes(sums)
            df, squares = sums["included"] + DF, sums["scaled_squares"]
        if self.model == "bayescpi":
            inside = sums["included"]
            self.pi = np.array(
                [
                    [
                        generator.beta(k + PI_COUNTS, p - k + PI_COUNTS)
                        for generator, k, p in zip(
                            self.generators, ins, ps, strict=True
                        )
                    ]
                    for ins, ps in zip(inside, self.counts, strict=True)
                ]
            )
            df = inside + DF
        self.var_b = (squares + self.scale_b) / self._chisquare(df)

    def _draw_classes(self, sums: dict[str, np.ndarray]) -> None:
        inside = np.stack([sums[name] for name in CLASSES], axis=1)
        zero = (self.counts - sums["included"])[:, None]
        counts = np.concatenate([zero, inside], axis=1) + CLASS_COUNTS
        for term, chain in np.ndindex(self.counts.shape):
            drawn = self.generators[chain].dirichlet(counts[term, :, chain])
            # a logarithm follows: a probability that vanished in rounding stays tiny
            self.classes[term, :, chain] = np.maximum(drawn, 1e-300)

    def _chisquare(self, df: np.ndarray) -> np.ndarray:
        """Chi-squares of df, shape (terms, chains), each from its chain's stream."""
        return np.array(
            [
                [
                    generator.chisquare(value)
                    for generator, value in zip(self.generators, row, strict=True)
                ]
                for row in df
            ]
        )


def _by_term(priors: Sequence[Prior], name: str) -> np.ndarray:
    return np.array([[getattr(term, name) for term in p.terms] for p in priors]).T
