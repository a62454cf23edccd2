"""Posterior summaries of effects and variances without keeping every draw.

Quantiles are exact order statistics: only the draws that can still be among the
smallest or largest few are kept (21 per tail for 800 draws and a 95 % interval).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from grvsnn.models.gibbs.diagnostics import effective_size, rhat
from grvsnn.models.gibbs.lanes import LaneGroup, Scaling, Target, aligned_zeros
from grvsnn.models.gibbs.native import Kernel

# Long runs spread this many draws (of all chains of a target) over the quantiles.
QUANTILE_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Posterior:
    """Posterior of one target, its chains taken together.

    Parameters
    ----------
    effect, sd, lower, upper, pip : ndarray of float64, shape (n_features,)
        Posterior mean, standard deviation and interval limits of the effects of
        standardised features (BayesC-pi: of d*b), and the share of draws with a
        non-zero effect (1 for the models without selection).
    intercept : float
        Expected phenotype at the features' means.
    centre, scale : ndarray of float64, shape (n_features,)
        A feature's mean and standard deviation in its own units; scale 1 and effect 0
        where it does not vary.
    traces : dict of str to ndarray, each of shape (chains, draws)
        varE, and varB, lambda, pi as the model has them; with two terms named
        ``varB_1`` (markers), ``varB_2`` (loadings) and so on.
    moments : dict of str to dict
        Mean and sd of variances that were integrated out, not traced.
    """

    effect: np.ndarray
    sd: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    pip: np.ndarray
    intercept: float
    centre: np.ndarray
    scale: np.ndarray
    traces: dict[str, np.ndarray] = field(default_factory=dict)
    moments: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Posterior mean of the expected phenotype.

        Parameters
        ----------
        features : ndarray, shape (n, n_features)
            Dosages and loadings in their own units.
        """
        return self.predict_parts((features,))

    def predict_parts(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """`predict` for features that lie side by side in several arrays."""
        weight = self.effect / self.scale
        total = np.full(len(parts[0]), self.intercept - self.centre @ weight)
        first = 0
        for part in parts:
            total += part @ weight[first : first + part.shape[1]]
            first += part.shape[1]
        return total

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean, sd and (of traces) effective size and split R-hat of the variances."""
        return self.moments | {
            name: {
                "mean": float(trace.mean()),
                "sd": float(trace.std(ddof=1)) if trace.size > 1 else float("nan"),
                "ess": effective_size(trace),
                "rhat": rhat(trace),
            }
            for name, trace in self.traces.items()
        }


def tail_depth(draws: int, interval: float) -> int:
    """Draws to keep per tail for the interval's limits by linear interpolation."""
    return min(int((1 - interval) / 2 * (draws - 1)) + 2, draws)


def tail_quantile(smallest: np.ndarray, draws: int, probability: float) -> np.ndarray:
    """Quantile (numpy's linear rule) from the smallest of `draws` values, last axis."""
    ordered = np.sort(smallest, axis=-1)
    place = probability * (draws - 1)
    below = int(place)
    above = min(below + 1, draws - 1)
    low, high = ordered[..., below], ordered[..., above]
    return low + (place - below) * (high.astype(np.float64) - low)


class Recorder:
    """Running summaries of a group's recorded draws.

    Parameters
    ----------
    group : LaneGroup
        Whose effects are recorded.
    kernel : Kernel
        Does the arithmetic.
    n_draws : int
        Draws that will be recorded per chain.
    repeats : int
        Chains per target, side by side in the lanes.
    interval : float
        Probability inside the credible interval.
    """

    def __init__(
        self,
        group: LaneGroup,
        kernel: Kernel,
        n_draws: int,
        repeats: int,
        interval: float,
    ):
        self.group, self.kernel = group, kernel
        self.repeats, self.interval = repeats, interval
        self.stride = -(-n_draws * repeats // QUANTILE_DRAWS)
        self.kept = n_draws // self.stride
        depth = min(tail_depth(self.kept * repeats, interval), self.kept)
        shape = group.effect.shape
        self.mean, self.square, self.included = (aligned_zeros(shape) for _ in range(3))
        self.tail = aligned_zeros((*shape, 2, depth))
        self.cut = aligned_zeros((2, *shape))
        self.draw = 0
        self.traces: dict[str, list[np.ndarray]] = {}

    def add(self, values: dict[str, np.ndarray]) -> None:
        """Record the group's current effects and the given hyper-parameters."""
        self.draw += 1
        effect = self.group.effect
        self.kernel.record(effect, self.draw, self.mean, self.square, self.included)
        if self.draw % self.stride == 0 and self.draw // self.stride <= self.kept:
            number = self.draw // self.stride
            self.kernel.tails(effect, number, self.tail, self.cut)
        for name, value in values.items():
            self.traces.setdefault(name, []).append(value)

    def posterior(self, number: int, target: Target, scaling: Scaling) -> Posterior:
        """Summary of the group's target with the given number."""
        design = self.group.design
        lanes = slice(number * self.repeats, (number + 1) * self.repeats)
        slots = design.slots
        means = self.mean[slots, lanes].astype(np.float64)
        squares = self.square[slots, lanes].astype(np.float64)
        spread = squares.mean(axis=1) / self.draw + means.var(axis=1)
        lower, upper = self._limits(lanes)
        return Posterior(
            effect=means.mean(axis=1),
            sd=np.sqrt(spread),
            lower=lower,
            upper=upper,
            pip=self.included[slots, lanes].mean(axis=1, dtype=np.float64) / self.draw,
            intercept=float(target.y[target.used].mean()),
            centre=design.origin + design.unit * scaling.mean[slots],
            scale=design.unit * scaling.sd[slots],
            traces=self._traces(lanes),
        )

    def _limits(self, lanes: slice) -> tuple[np.ndarray, np.ndarray]:
        """Both limits of the credible interval, from the tails of all chains."""
        tail = self.tail[self.group.design.slots, lanes].swapaxes(1, 2)
        tail = tail.reshape(*tail.shape[:2], -1)
        draws = self.kept * self.repeats
        limits = tail_quantile(tail, draws, (1 - self.interval) / 2)
        return limits[:, 0], -limits[:, 1]

    def _traces(self, lanes: slice) -> dict[str, np.ndarray]:
        """Traces by name, each of shape (chains, draws)."""
        named = {}
        for name, draws in self.traces.items():
            values = np.array(draws)[:, :, lanes]
            for term in range(values.shape[1]):
                label = f"{name}_{term + 1}" if values.shape[1] > 1 else name
                named[label] = values[:, term].T
        return named
