"""Measured coverage of the prediction intervals against the nominal one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grvsnn.conformal import COVERAGE
from grvsnn.coverage import coverage_frame
from grvsnn.figures.layout import (
    add_legend,
    at_place,
    marker_style,
    panel_grid,
    place_title,
    places_in,
    setting_key,
)
from grvsnn.labels import method_label, methods_in, settings_in
from grvsnn.style import INK, MUTED, house_style, save_figure


@house_style()
def plot_coverage(scores: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw pooled coverage with Wilson's 95 % interval, a panel per dataset and trait.

    Parameters
    ----------
    scores : DataFrame
        Long scores; methods without coverage are left out.
    paths : sequence of path
        Files to write.
    """
    frame = coverage_frame(scores)
    methods, settings = methods_in(frame), settings_in(frame)
    places = places_in(frame)
    height = 0.7 + 0.2 * len(methods) * (len(settings) + 0.5)
    figure, axes = panel_grid(len(places), 3.2, height, sharey=True, sharex=True)
    for ax, place in zip(axes, places, strict=True):
        ax.axvline(COVERAGE, color=MUTED, linewidth=0.9, linestyle="--", zorder=1)
        _draw(ax, at_place(frame, place), methods, settings)
        ax.set_title(place_title(place))
    figure.supxlabel(
        f"Test phenotypes within their interval, dashed: nominal {COVERAGE:g}",
        fontsize=9,
    )
    add_legend(figure, [setting_key(name, i) for i, name in enumerate(settings)])
    save_figure(figure, paths)


def _draw(
    ax: Axes, frame: pd.DataFrame, methods: list[str], settings: list[str]
) -> None:
    step = len(settings) + 0.5
    middle = -(np.arange(len(methods)) * step + (len(settings) - 1) / 2)
    ax.set_yticks(middle, [method_label(method) for method in methods])
    ax.set_ylim(-(len(methods) - 1) * step - len(settings) + 0.3, 0.7)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    for row in frame.itertuples():
        number = settings.index(row.setting)
        y = -(methods.index(row.method) * step + number)
        ax.plot([row.lower, row.upper], [y, y], color=INK, linewidth=1.3, zorder=2)
        ax.plot(row.pooled, y, zorder=3, **marker_style(row.method, number))
