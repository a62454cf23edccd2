"""All runs of every method as points, with mean and interval; no bars."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grvsnn.base.labels import METRICS, methods_in, metric_axis, settings_in
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
from grvsnn.report.figures.style import INK, MUTED, house_style, look, save_figure
from grvsnn.scoring.metrics import count_runs

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
    add_legend(figure, setting_keys(settings))
    save_figure(figure, paths)


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
