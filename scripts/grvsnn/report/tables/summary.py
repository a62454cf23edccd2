"""Means and SDs of scores, looked up cell by cell, and which cell is the best."""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from grvsnn.base.labels import (
    METRICS,
    method_label,
    methods_in,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.report.tables.layout import fewer_runs, mean_sd
from grvsnn.scoring.comparisons import TOLERANCE
from grvsnn.scoring.metrics import count_runs, summarise

NAN = float("nan")
MODEL_HEADINGS = ["Trait", "Data", "Model"]
CELL = ("dataset", "setting", "trait", "method", "metric")


class Summary:
    """Means and SDs over runs, by dataset, setting, trait, method and metric.

    Parameters
    ----------
    scores : DataFrame
        Long scores.
    """

    def __init__(self, scores: pd.DataFrame) -> None:
        self.frame = summarise(scores)
        self._runs = count_runs(scores)
        keys = self.frame[list(CELL)]
        values = self.frame[["mean", "sd", "n"]].itertuples(index=False, name=None)
        self._cells = dict(
            zip(keys.itertuples(index=False, name=None), values, strict=True)
        )

    def cell(
        self, dataset: str, setting: str, trait: str, method: str, metric: str
    ) -> tuple[float, float]:
        """Mean and SD; NaN where nothing was scored."""
        return self._look_up(dataset, setting, trait, method, metric)[:2]

    def text(self, *cell: str, digits: int = 3) -> str:
        """Mean ± SD, marked where not every run has the number."""
        return mean_sd(*self.cell(*cell), digits) + self.mark(*cell)

    def mark(self, *cell: str) -> str:
        """`fewer_runs` of a cell: dataset, setting, trait, method and metric."""
        return fewer_runs(self._look_up(*cell)[2], self._runs.get(cell[0], 0))

    def is_whole(self, *cell: str) -> bool:
        """Whether the number is defined in every run of its dataset."""
        return self._look_up(*cell)[2] == self._runs.get(cell[0])

    def _look_up(self, *cell: str) -> tuple[float, float, int]:
        return self._cells.get(cell, (NAN, NAN, 0))

    def best(
        self,
        dataset: str,
        setting: str,
        trait: str,
        methods: Iterable[str],
        metric: str,
    ) -> set[str]:
        """Return the methods with the best mean, of those with one in every run."""
        means = {
            method: self.cell(dataset, setting, trait, method, metric)[0]
            for method in methods
            if self.is_whole(dataset, setting, trait, method, metric)
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
    equal = TOLERANCE * max(1.0, abs(least))
    return {name for name, value in losses.items() if value - least <= equal}


def runs_note(scores: pd.DataFrame, by: Sequence[str] = CELL) -> str:
    """Say over which runs means and SDs are taken, and what marks those over fewer.

    Parameters
    ----------
    scores : DataFrame
        Long scores of the numbers that the table shows.
    by : sequence of str
        Columns that name one of these numbers.

    Examples
    --------
    ``Mean ± SD over 50 runs (10 repeats of 5-fold cross-validation).``
    """
    runs = scores[["repeat", "fold"]].drop_duplicates()
    repeats, folds = scores["repeat"].nunique(), scores["fold"].nunique()
    times = "1 repeat" if repeats == 1 else f"{repeats} repeats"
    text = (
        f"Mean ± SD over {len(runs)} runs ({times} of {folds}-fold cross-validation)."
    )
    counts = scores.groupby(list(by))["value"].count()
    if ((counts > 0) & (counts < len(runs))).any():
        text += " (n = …): of the runs that have the number; never counted as best."
    return text


def model_rows(
    scores: pd.DataFrame, there: Iterable[tuple[str, str, str]]
) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """List rows of trait x setting x model in display order.

    Parameters
    ----------
    scores : DataFrame
        trait, setting, method.
    there : iterable of (trait, setting, method)
        Rows that have a number.

    Returns
    -------
    places, heads : list of tuple
        Names, and labels under the headings `MODEL_HEADINGS`.
    """
    order = product(traits_in(scores), settings_in(scores), methods_in(scores))
    known = set(there)
    places = [place for place in order if place in known]
    heads = [
        (trait_label(trait), setting_label(setting), method_label(method))
        for trait, setting, method in places
    ]
    return places, heads
