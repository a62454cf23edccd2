"""Reported and reproduced numbers, joined by a line: a dumbbell per method."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from grvsnn.figures.layout import panel_grid
from grvsnn.labels import (
    in_order,
    method_label,
    methods_in,
    metric_label,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.style import INK, MUTED, house_style, save_figure

METRICS = ("mse", "r", "dcor", "n_selected")
REPORTED = {"marker": "D", "markerfacecolor": "white", "markersize": 5.5}
OURS = {"marker": "o", "markerfacecolor": INK, "markersize": 6}
EDGE = {
    "markeredgecolor": INK,
    "markeredgewidth": 1.1,
    "linestyle": "",
    "clip_on": False,
}


@house_style()
def plot_reported(reproduced: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw every metric by method and setting, a row of panels per trait.

    Parameters
    ----------
    reproduced : DataFrame
        As `grvsnn.reported.reproduce` returns it, of one dataset.
    paths : sequence of path
        Files to write.
    """
    frame = reproduced[reproduced["metric"].isin(METRICS)]
    metrics, traits = in_order(frame["metric"], METRICS), traits_in(frame)
    rows = [(m, s) for m in methods_in(frame) for s in settings_in(frame)]
    labels = [f"{method_label(m)}, {setting_label(s, short=True)}" for m, s in rows]
    figure, axes = panel_grid(
        len(traits) * len(metrics),
        2.3,
        0.6 + 0.21 * len(rows),
        columns=len(metrics),
        extra_height=0.8,
        sharey=True,
        sharex="col",
    )
    places = [(trait, metric) for trait in traits for metric in metrics]
    for ax, (trait, metric) in zip(axes, places, strict=True):
        mine = (frame["trait"] == trait) & (frame["metric"] == metric)
        _draw(ax, frame[mine].set_index(["method", "setting"]), rows, metric)
        ax.set_yticks(range(len(rows)), labels)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_title(trait_label(trait) if metric == metrics[0] else "")
        if trait == traits[-1]:
            ax.set_xlabel(metric_label(metric))
    for ax, (_, metric) in zip(axes, places, strict=True):
        ax.set_xlim(left=-0.3 if metric == "n_selected" else 0)
    figure.supxlabel(
        "MSE: ours in training variances, the unit of the reported one is not stated;\n"
        "features on a logarithmic scale, linear below 1",
        fontsize=8.5,
    )
    handles = [
        Line2D([], [], **REPORTED, **EDGE, label="reported"),
        Line2D([], [], **OURS, **EDGE, label="ours"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    save_figure(figure, paths)


def _draw(
    ax: Axes, cells: pd.DataFrame, rows: list[tuple[str, str]], metric: str
) -> None:
    counts = metric == "n_selected"
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    for y, place in enumerate(rows):
        if place not in cells.index:
            continue
        pair = cells.loc[place, ["reported_mean", "mean"]].to_numpy(float)
        ax.plot(pair, [y, y], color=MUTED, linewidth=1.4, zorder=1)
        ax.plot(pair[0], y, zorder=3, **REPORTED, **EDGE)
        ax.plot(pair[1], y, zorder=2, **OURS, **EDGE)
    if counts:
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xticks([0, 10, 1000])
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4))
