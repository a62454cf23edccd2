"""Means and SDs of scores, looked up cell by cell, and which cell is the best."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from grvsnn.labels import METRICS
from grvsnn.metrics import summarise

NAN = float("nan")


class Summary:
    """Means and SDs over runs, by dataset, setting, trait, method and metric.

    Parameters
    ----------
    scores : DataFrame
        Long scores.
    """

    def __init__(self, scores: pd.DataFrame) -> None:
        self.frame = summarise(scores)
        keys = self.frame[["dataset", "setting", "trait", "method", "metric"]]
        values = self.frame[["mean", "sd"]].itertuples(index=False, name=None)
        self._cells = dict(
            zip(keys.itertuples(index=False, name=None), values, strict=True)
        )

    def cell(
        self, dataset: str, setting: str, trait: str, method: str, metric: str
    ) -> tuple[float, float]:
        """Mean and SD; NaN where nothing was scored."""
        return self._cells.get((dataset, setting, trait, method, metric), (NAN, NAN))

    def best(
        self,
        dataset: str,
        setting: str,
        trait: str,
        methods: Iterable[str],
        metric: str,
    ) -> set[str]:
        """Return the methods with the best mean; ``truth``, the ceiling, never is."""
        means = {
            method: self.cell(dataset, setting, trait, method, metric)[0]
            for method in methods
            if method != "truth"
        }
        return best_of(means, metric)


def best_of(means: dict[str, float], metric: str) -> set[str]:
    """Names of the best means by the metric's direction; none where there is none."""
    better = METRICS[metric].better if metric in METRICS else None
    loss = {
        "low": lambda value: value,
        "high": lambda value: -value,
        "one": lambda value: abs(value - 1),
        "zero": abs,
    }.get(better)
    losses = {name: loss(m) for name, m in means.items() if loss and not np.isnan(m)}
    least = min(losses.values(), default=NAN)
    return {name for name, value in losses.items() if value == least}


def runs_note(scores: pd.DataFrame) -> str:
    """Say over which runs means and SDs are taken.

    Examples
    --------
    ``Mean ± SD over 50 runs (10 repeats of 5-fold cross-validation).``
    """
    runs = scores[["repeat", "fold"]].drop_duplicates()
    repeats, folds = scores["repeat"].nunique(), scores["fold"].nunique()
    times = "1 repeat" if repeats == 1 else f"{repeats} repeats"
    text = f"Mean ± SD over {len(runs)} runs ({times} of {folds}-fold cross-validation)"
    counts = scores.groupby(["setting", "method"])[["repeat", "fold"]].apply(
        lambda part: len(part.drop_duplicates())
    )
    fewer = counts[counts < len(runs)]
    if len(fewer):
        text += f"; fewer, at least {fewer.min()}, where a method's runs are incomplete"
    return text + "."
