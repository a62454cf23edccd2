"""Accuracy against the minutes that it costs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from grvsnn.base.labels import methods_in, metric_axis, settings_in
from grvsnn.report.figures.intervals import mean_intervals
from grvsnn.report.figures.layout import (
    add_legend,
    at_place,
    mark_runs,
    marker_style,
    method_key,
    panel_grid,
    place_title,
    places_in,
    plain_log_axis,
    setting_keys,
)
from grvsnn.report.figures.style import MUTED, house_style, save_figure
from grvsnn.scoring.fits import runtime_frame
from grvsnn.scoring.metrics import count_runs


@house_style()
def plot_accuracy_minutes(
    scores: pd.DataFrame,
    runtimes: pd.DataFrame,
    paths: Sequence[str | Path],
    metric: str = "r",
) -> None:
    """Draw the mean of a metric against minutes per cross-validation.

    Parameters
    ----------
    scores : DataFrame
        Long scores.
    runtimes : DataFrame
        dataset, setting, method, repeat, minutes
        (`grvsnn.report.tables.runtime_frame`).
    paths : sequence of path
        Files to write.
    metric : str
        Which metric.
    """
    scores = scores[scores["metric"] == metric]
    runs = count_runs(scores)
    by = ["dataset", "setting", "method"]
    minutes = runtimes.groupby(by, as_index=False)["minutes"].mean()
    points = mean_intervals(scores, [*by, "trait"]).merge(minutes, on=by)
    settings, methods = settings_in(points), methods_in(points)
    places = places_in(points)
    figure, axes = panel_grid(len(places), 3.1, 2.7, extra_height=0.9, sharex=True)
    for ax, place in zip(axes, places, strict=True):
        _draw(ax, at_place(points, place), settings, runs[place[0]])
        ax.set_title(place_title(place))
    figure.supxlabel("Minutes for one cross-validation", fontsize=9)
    figure.supylabel(metric_axis(metric), fontsize=9)
    keys = [method_key(method) for method in methods]
    keys += setting_keys(settings)
    add_legend(figure, keys)
    save_figure(figure, paths)


def _draw(ax: Axes, points: pd.DataFrame, settings: list[str], runs: int) -> None:
    """Means with intervals; a line joins the settings of one method."""
    for _, mine in points.groupby("method", sort=False):
        ax.plot(mine["minutes"], mine["mean"], color=MUTED, linewidth=0.9, zorder=1)
    for row in points.itertuples():
        ax.plot(
            [row.minutes] * 2, [row.lower, row.upper], color=MUTED, lw=0.7, zorder=1
        )
        style = marker_style(row.method, settings.index(row.setting))
        ax.plot(row.minutes, row.mean, zorder=2, **style)
        mark_runs(ax, row.minutes, row.mean, row.n, runs)
    ax.set_xscale("log")
    plain_log_axis(ax.xaxis)


def plot_accuracy_and_minutes(
    scores: pd.DataFrame, fits: Iterable[Mapping], paths: Sequence[str | Path]
) -> None:
    """`plot_accuracy_minutes` of the contents of fits.json files."""
    plot_accuracy_minutes(scores, runtime_frame(fits), paths)
