"""Differences from the reference method, with intervals and what counts as equal."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grvsnn.base.labels import METHODS, in_order, metric_label, settings_in
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
from grvsnn.report.figures.style import INK, MUTED, house_style, save_figure

GAP = 0.5  # between methods, in rows


@house_style()
def plot_comparisons(
    comparisons: pd.DataFrame,
    paths: Sequence[str | Path],
    metric: str = "r",
    rope: float = 0.01,
) -> None:
    """Draw a panel per dataset and trait; an asterisk where Holm's p <= 0.05.

    A test over fewer runs than there are names their number and has no asterisk.

    Parameters
    ----------
    comparisons : DataFrame
        As `grvsnn.scoring.comparisons.compare_methods` returns it.
    paths : sequence of path
        Files to write.
    metric : str
        Which metric.
    rope : float
        Half width of the region of practical equivalence, shaded.
    """
    frame = comparisons[comparisons["metric"] == metric]
    methods = in_order([*frame["reference"], *frame["method"]], METHODS)
    settings = settings_in(frame)
    places = places_in(frame)
    height = 0.6 + 0.2 * len(methods) * (len(settings) + GAP)
    figure, axes = panel_grid(len(places), 3.2, height, sharey=True, sharex=True)
    for ax, place in zip(axes, places, strict=True):
        ax.axvspan(-rope, rope, color="#e9e9e9", linewidth=0, zorder=0)
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=1)
        _draw(ax, at_place(frame, place), methods, settings)
        ax.set_title(place_title(place))
    figure.supxlabel(
        f"Difference in {metric_label(metric)} from the reference, 95 % interval\n"
        f"shaded ±{rope:g}; * p ≤ 0.05 (Holm)",
        fontsize=9,
    )
    add_legend(figure, setting_keys(settings))
    save_figure(figure, paths)


def _draw(
    ax: Axes, tests: pd.DataFrame, methods: list[str], settings: list[str]
) -> None:
    rows = method_rows(methods, settings, GAP)
    label_methods(ax, methods, settings, rows)
    for test in tests.itertuples():
        number = settings.index(test.setting)
        y = rows[test.method, test.setting]
        ax.plot([test.lower, test.upper], [y, y], color=INK, linewidth=1.3, zorder=2)
        style = marker_style(test.method, number)
        ax.plot(test.difference, y, zorder=3, **style)
        mark_runs(ax, test.difference, y, test.n, test.runs)
        if test.p_holm <= 0.05 and test.n == test.runs:
            right = np.nanmax([test.difference, test.upper])
            place = {"xytext": (4, -4), "textcoords": "offset points"}
            ax.annotate("*", (right, y), **place, fontsize=11)
    for setting, mine in tests.groupby("setting", sort=False):
        number = settings.index(setting)
        for reference in mine["reference"].unique():
            y = rows[reference, setting]
            ax.plot(0, y, zorder=3, **marker_style(reference, number))
