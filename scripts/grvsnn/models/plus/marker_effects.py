"""Marker effects of several regimes, polygenic to sparse, one network for each.

A regime is a pair of start scales of the multiplicative effects (see
`grvsnn.models.plus.gradient_flow`): of the markers' additive columns and of their
dominance columns [x = 1]. Every regime is trained on every inner split and stopped on
its validation rows.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from grvsnn.models.plus.gradient_flow import gradient_flow
from grvsnn.protocol.fold_task import FoldTask, column_moments, holds_calls, reciprocal

logger = logging.getLogger(__name__)

N_DOSAGES = 3


@dataclass(frozen=True)
class Regime:
    """Start scales of one solution; a scale of 0 leaves the columns out."""

    additive: float
    dominance: float

    @property
    def name(self) -> str:
        """What is trained, and from which scale, e.g. additive + dominance 0.03."""
        scales = {"additive": self.additive, "dominance": self.dominance}
        used = [kind for kind, scale in scales.items() if scale > 0]
        values = dict.fromkeys(f"{scales[kind]:g}" for kind in used)
        return f"{' + '.join(used)} {'/'.join(values)}"


@dataclass(frozen=True, eq=False)
class RegimeFits:
    """Regimes trained on all inner splits.

    Parameters
    ----------
    effects : ndarray, shape (T, R, 2 M)
        Mean over members of the additive, then the dominance effects, per standard
        deviation of the training rows.
    predicted : ndarray, shape (K, R, n_samples, T)
        Each member's predictions of the test rows and of the rows it held out; NaN
        elsewhere.
    steps : ndarray, shape (T, R)
        Mean number of steps kept.
    """

    effects: np.ndarray
    predicted: np.ndarray
    steps: np.ndarray


class MarkerColumns:
    """Standardised additive and dominance columns of a task's markers.

    Fractional dosages lie on straight lines between those of hard calls, so that the
    heterozygosity of dosage x is 1 - abs(x - 1).

    Parameters
    ----------
    task : FoldTask
        Moments come from its `scaling_rows`.
    """

    def __init__(self, task: FoldTask) -> None:
        self.genotypes = task.genotypes
        self.n_markers = task.n_markers
        rows = task.scaling_rows
        mean, sd = column_moments(task.genotypes, rows)
        heterozygous = column_moments(heterozygosity(task.genotypes), rows)
        additive = (np.arange(N_DOSAGES)[:, None] - mean) * reciprocal(sd)
        dominance = np.array([0.0, 1.0, 0.0])[:, None] - heterozygous[0]
        self.levels = np.stack([additive, dominance * reciprocal(heterozygous[1])])

    def take(self, rows: np.ndarray) -> torch.Tensor:
        """Additive, then dominance columns of some rows, shape (n, 2 M)."""
        x = self.genotypes[rows]
        out = np.empty((len(rows), 2 * self.n_markers), dtype=np.float32)
        for part, levels in zip(
            np.split(out, 2, axis=1), self.levels.astype(np.float32), strict=True
        ):
            part[:] = _column_values(x, levels)
        return torch.from_numpy(out)

    def curves(self, effects: np.ndarray) -> np.ndarray:
        """Contribution of each marker at dosage 0, 1 and 2.

        Parameters
        ----------
        effects : ndarray, shape (2 M, T)

        Returns
        -------
        ndarray, shape (3, M, T)
        """
        additive, dominance = np.split(effects, 2)
        return (
            self.levels[0][:, :, None] * additive
            + self.levels[1][:, :, None] * dominance
        )


def _column_values(dosages: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Pick or, between hard calls, interpolate values at dosage 0, 1, 2: (3, M)."""
    if holds_calls(dosages):
        return np.where(
            dosages == 0, levels[0], np.where(dosages == 1, levels[1], levels[2])
        )
    slope = (levels[2] - levels[0]) / 2
    dominance = levels[1] - levels[0] - slope
    return levels[0] + slope * dosages + dominance * heterozygosity(dosages)


def heterozygosity(dosages: np.ndarray) -> np.ndarray:
    """1 for a heterozygote, 0 for a homozygote, in between by a straight line."""
    if holds_calls(dosages):
        return (dosages == 1).astype(np.int8)
    return 1 - np.abs(dosages - 1)


def train_regimes(
    task: FoldTask,
    columns: MarkerColumns,
    regimes: Sequence[Regime],
    max_steps: int,
    patience: int,
) -> RegimeFits:
    """Train every regime on every inner split; each member stops on its own rows."""
    T, R, K = len(task.traits), len(regimes), len(task.inner_splits)
    effects = torch.zeros(2 * columns.n_markers, T * R)
    predicted = np.full((K, R, len(task.Y), T), np.nan)
    steps = np.zeros((T, R))
    for member, (fit_rows, validation) in enumerate(task.inner_splits if R else ()):
        rows = np.concatenate([validation, task.test])
        X, X_rows = columns.take(fit_rows), columns.take(rows)
        for group, used in _groups(regimes, columns.n_markers):
            flow = gradient_flow(
                X[:, used],
                _targets(task, fit_rows, len(group)),
                X_rows[: len(validation), used],
                _targets(task, validation, len(group)),
                _start(regimes, group, columns.n_markers, T)[used],
                max_steps,
                patience,
            )
            mine = [t * R + r for t in range(T) for r in group]
            effects[used, mine] += flow.effects / K
            values = (X_rows[:, used] @ flow.effects).double().numpy()
            values = values.reshape(len(rows), T, len(group))
            predicted[member][np.ix_(group, rows)] = values.transpose(2, 0, 1)
            steps[:, group] += flow.steps.numpy().reshape(T, -1) / K
        logger.info("fold %d: member %d of %d", task.fold, member + 1, K)
    effects = effects.T.double().numpy().reshape(T, R, 2 * columns.n_markers)
    return RegimeFits(effects, predicted, steps)


def _groups(regimes: Sequence[Regime], n_markers: int):
    """Regimes that use the same columns, and which: spares products with zeros."""
    for additive in (True, False):
        for dominance in (True, False):
            group = [
                r
                for r, regime in enumerate(regimes)
                if (regime.additive > 0, regime.dominance > 0) == (additive, dominance)
            ]
            if group and (additive or dominance):
                first = 0 if additive else n_markers
                yield group, slice(first, 2 * n_markers if dominance else n_markers)


def _targets(task: FoldTask, rows: np.ndarray, n_regimes: int) -> torch.Tensor:
    """Phenotypes with one column a trait and regime, traits outermost."""
    return torch.from_numpy(np.repeat(task.Y[rows], n_regimes, axis=1)).float()


def _start(
    regimes: Sequence[Regime], group: Sequence[int], n_markers: int, n_traits: int
) -> torch.Tensor:
    """Start scale of every column, shape (2 M, T * len(group))."""
    scales = torch.tensor([[regimes[r].additive, regimes[r].dominance] for r in group])
    return scales.T.repeat_interleave(n_markers, dim=0).repeat(1, n_traits)
