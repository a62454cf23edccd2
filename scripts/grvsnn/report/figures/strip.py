"""All runs of every method as points, with mean and interval; no bars."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grvsnn.base.labels import METRICS, is_own, methods_in, metric_axis, settings_in
from grvsnn.report.figures.intervals import mean_intervals
from grvsnn.report.figures.layout import (
    add_legend,
    at_place,
    label_methods,
    mark_runs,
    marker_style,
    method_rows,
    panel_grid,
    place_title,
    places_in,
    setting_keys,
)
from grvsnn.report.figures.style import (
    ACCENT,
    INK,
    MUTED,
    house_style,
    look,
    save_figure,
)
from grvsnn.scoring.metrics import count_runs

RING = {"marker": "o", "ms": 13, "mfc": "none", "mec": ACCENT, "mew": 1.4, "zorder": 5}
GOLDEN = 0.6180339887
IDEAL = {"one": 1.0, "zero": 0.0}


@house_style()
def plot_runs(
    scores: pd.DataFrame, paths: Sequence[str | Path], metric: str = "r"
) -> None:
    """Draw one metric by method and setting, a panel per dataset and trait.

    Every run is a pale point; the mean stands on them with its 95 % interval
    (corrected for overlapping runs), filled for the first setting, then hollow, and
    with the number of its runs where the metric is not defined in all. Where a metric
    has an ideal value, a dashed line is at it.

    Parameters
    ----------
    scores : DataFrame
        Long scores.
    paths : sequence of path
        Files to write.
    metric : str
        Which metric, e.g. r or accuracy_breeding.
    """
    figure, _, _ = _strips(scores, metric)
    add_legend(figure, setting_keys(settings_in(scores)))
    save_figure(figure, paths)


def _strips(
    scores: pd.DataFrame, metric: str
) -> tuple[Figure, dict[tuple[str, str], Axes], Mapping[tuple[str, str], float]]:
    """Draw a panel per dataset and trait; returns them, and the height of each row."""
    scores = scores[scores["metric"] == metric]
    runs = count_runs(scores)
    defined = scores.dropna(subset="value")
    methods, settings = methods_in(defined), settings_in(defined)
    places = places_in(defined)
    height = 0.5 + 0.17 * len(methods) * (len(settings) + 0.8)
    figure, axes = panel_grid(len(places), 3.2, height, sharey=True)
    rows = method_rows(methods, settings, gap=0.8)
    for ax, place in zip(axes, places, strict=True):
        _draw(ax, at_place(scores, place), rows, settings, runs[place[0]])
        if METRICS[metric].better in IDEAL:
            ideal = IDEAL[METRICS[metric].better]
            ax.axvline(ideal, color=MUTED, linewidth=0.9, linestyle="--", zorder=1)
        ax.set_title(place_title(place))
        label_methods(ax, methods, settings, rows)
    figure.supxlabel(metric_axis(metric), fontsize=9)
    return figure, dict(zip(places, axes, strict=True)), rows


@house_style()
def plot_overview(scores: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw r by method and setting, all datasets, the best opponent ringed.

    Drawn as `plot_runs` does. Opponents are all methods but this project's networks
    (``own`` in workflow/methods.yaml); the best one has the largest mean of those that
    are defined in every run.

    Parameters
    ----------
    scores : DataFrame
        Long scores of all datasets.
    paths : sequence of path
        Files to write.
    """
    scores = scores[scores["metric"] == "r"]
    figure, axes, rows = _strips(scores, "r")
    for place, ax in axes.items():
        for row in best_opponents(at_place(scores, place)).itertuples():
            ax.plot(row.mean, rows[row.method, row.setting], **RING)
    ring = Line2D([], [], linestyle="", label="best opponent", **RING)
    add_legend(figure, [*setting_keys(settings_in(scores)), ring])
    save_figure(figure, paths)


def best_opponents(scores: pd.DataFrame) -> pd.DataFrame:
    """Opponent with the largest mean r in each setting of one dataset and trait.

    Returns
    -------
    DataFrame
        method, setting, mean (and its interval); none for a setting without opponents
        whose r is defined in every run.
    """
    means = mean_intervals(scores, ["method", "setting"])
    means = means[~means["method"].map(is_own)]
    whole = means[means["n"] == means["n"].max()].dropna(subset="mean")
    return whole.loc[whole.groupby("setting")["mean"].idxmax()]


def _draw(
    ax: Axes,
    scores: pd.DataFrame,
    rows: Mapping[tuple[str, str], float],
    settings: list[str],
    runs: int,
) -> None:
    defined = scores.dropna(subset="value")
    for (method, setting), part in defined.groupby(["method", "setting"], sort=False):
        values = np.sort(part["value"].to_numpy(float))
        # a golden-ratio sequence spreads points evenly without drawing random numbers
        jitter = (np.arange(1, len(values) + 1) * GOLDEN) % 1 - 0.5
        heights = rows[method, setting] + 0.55 * jitter
        ax.plot(values, heights, ".", color=look(method).colour, alpha=0.35, ms=3.5)
    means = mean_intervals(scores, ["method", "setting"])
    for row in means.itertuples():
        height = rows[row.method, row.setting]
        if not np.isnan(row.lower):
            ax.plot([row.lower, row.upper], [height] * 2, color=INK, linewidth=1.3)
        style = marker_style(row.method, settings.index(row.setting))
        ax.plot(row.mean, height, **style)
        mark_runs(ax, row.mean, height, row.n, runs)
