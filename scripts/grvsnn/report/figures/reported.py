"""Reported and reproduced numbers, joined by a line: a dumbbell per method."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from grvsnn.base.labels import (
    in_order,
    method_label,
    methods_in,
    metric_label,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.report.figures.dumbbell import draw_pairs, pair_legend
from grvsnn.report.figures.layout import panel_grid
from grvsnn.report.figures.style import house_style, save_figure

METRICS = ("mse", "r", "dcor", "n_selected")


@house_style()
def plot_reported(reproduced: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw every metric by method and setting, a row of panels per trait.

    Parameters
    ----------
    reproduced : DataFrame
        As `grvsnn.scoring.reported.reproduce` returns it, of one dataset.
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
        cells = frame[mine].set_index(["method", "setting"])
        pairs = cells[["reported_mean", "mean"]].T.to_dict("list")
        draw_pairs(ax, rows, labels, pairs)
        _scale(ax, metric)
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
    pair_legend(figure, "reported", "ours")
    save_figure(figure, paths)


def _scale(ax: Axes, metric: str) -> None:
    if metric == "n_selected":
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xticks([0, 10, 1000])
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4))


def plot_dataset(
    reproduced: pd.DataFrame, dataset: str, paths: Sequence[str | Path]
) -> None:
    """`plot_reported` of one dataset's part of the table of the audit."""
    mine = reproduced["dataset"] == dataset
    plot_reported(reproduced[mine].dropna(subset="trait"), paths)
