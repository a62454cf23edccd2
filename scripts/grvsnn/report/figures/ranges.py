"""One value with its interval by method and setting: coverage, stability."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grvsnn.base.labels import method_selects, methods_in, settings_in
from grvsnn.protocol.conformal import COVERAGE
from grvsnn.report.figures.layout import (
    add_legend,
    at_place,
    label_methods,
    marker_style,
    method_rows,
    panel_grid,
    place_title,
    places_in,
    setting_keys,
)
from grvsnn.report.figures.style import INK, MUTED, house_style, save_figure
from grvsnn.scoring.interval_coverage import coverage_frame

SPACE = 0.5  # between methods, in rows


def plot_coverage(scores: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw pooled coverage with Wilson's 95 % interval, a panel per dataset and trait.

    Parameters
    ----------
    scores : DataFrame
        Long scores; methods without coverage are left out.
    paths : sequence of path
        Files to write.
    """
    label = f"Test phenotypes within their interval, dashed: nominal {COVERAGE:g}"
    plot_ranges(coverage_frame(scores), paths, "pooled", label, COVERAGE)


def plot_stability(stability: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw the stability of selections with its 95 % interval.

    Parameters
    ----------
    stability : DataFrame
        As `grvsnn.scoring.selection.stability_scores` returns it; methods that never
        select are left out.
    paths : sequence of path
        Files to write.
    """
    frame = stability[stability["method"].map(method_selects).astype(bool)]
    label = "Stability of the selected features, dashed: random sets"
    plot_ranges(frame, paths, "stability", label, 0.0)


@house_style()
def plot_ranges(
    frame: pd.DataFrame,
    paths: Sequence[str | Path],
    value: str,
    label: str,
    reference: float,
) -> None:
    """Draw points with intervals by method and setting, a panel per dataset and trait.

    Parameters
    ----------
    frame : DataFrame
        dataset, setting, method, trait, lower, upper and the column `value`.
    paths : sequence of path
        Files to write.
    value : str
        Column of the points; "none" stands where it is missing.
    label : str
        Of the horizontal axis.
    reference : float
        Where the dashed line stands.
    """
    methods, settings = methods_in(frame), settings_in(frame)
    places = places_in(frame)
    height = 0.7 + 0.2 * len(methods) * (len(settings) + SPACE)
    figure, axes = panel_grid(len(places), 3.2, height, sharey=True, sharex=True)
    rows = method_rows(methods, settings, SPACE)
    for ax, place in zip(axes, places, strict=True):
        ax.axvline(reference, color=MUTED, linewidth=0.9, linestyle="--", zorder=1)
        _draw(ax, at_place(frame, place), value, rows, settings)
        label_methods(ax, methods, settings, rows)
        ax.set_ylim(min(rows.values()) - 0.7, 0.7)
        ax.set_title(place_title(place))
    figure.supxlabel(label, fontsize=9)
    add_legend(figure, setting_keys(settings))
    save_figure(figure, paths)


def _draw(
    ax: Axes,
    frame: pd.DataFrame,
    value: str,
    rows: Mapping[tuple[str, str], float],
    settings: list[str],
) -> None:
    for row in frame.itertuples():
        y = rows[row.method, row.setting]
        if np.isnan(getattr(row, value)):
            across = ax.get_yaxis_transform()
            ax.text(0.02, y, "none", transform=across, color=MUTED, va="center")
            continue
        style = marker_style(row.method, settings.index(row.setting))
        ax.plot([row.lower, row.upper], [y, y], color=INK, linewidth=1.3, zorder=2)
        ax.plot(getattr(row, value), y, zorder=3, **style)
