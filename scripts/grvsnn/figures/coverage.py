"""Measured coverage of the prediction intervals against the nominal one."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from grvsnn.conformal import COVERAGE
from grvsnn.coverage import coverage_frame
from grvsnn.figures.layout import (
    add_legend,
    at_place,
    label_methods,
    marker_style,
    method_rows,
    panel_grid,
    place_title,
    places_in,
    setting_key,
)
from grvsnn.labels import methods_in, settings_in
from grvsnn.style import INK, MUTED, house_style, save_figure

GAP = 0.5  # between methods, in rows


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
    height = 0.7 + 0.2 * len(methods) * (len(settings) + GAP)
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
    rows = method_rows(methods, settings, GAP)
    label_methods(ax, methods, settings, rows)
    ax.set_ylim(min(rows.values()) - 0.7, 0.7)
    for row in frame.itertuples():
        y = rows[row.method, row.setting]
        ax.plot([row.lower, row.upper], [y, y], color=INK, linewidth=1.3, zorder=2)
        ax.plot(
            row.pooled,
            y,
            zorder=3,
            **marker_style(row.method, settings.index(row.setting)),
        )
