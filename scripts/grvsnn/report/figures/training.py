"""How networks trained: loss by epoch, or by the features left in a path."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grvsnn.base.labels import method_label, methods_in, setting_label, settings_in
from grvsnn.base.names import base_method
from grvsnn.report.figures.layout import add_legend, panel_grid, plain_log_axis
from grvsnn.report.figures.style import INK, MUTED, house_style, look, save_figure
from grvsnn.scoring.training_curves import (
    LINE,
    history_frame,
    median_by_epoch,
    median_by_features,
)

CEILING = 2.0  # MSE of other animals' phenotypes as predictions; beyond, it diverged
RUG = 0.045  # height of the chosen steps' ticks, of a panel's
DASHES = {"training": (0, (4, 1.5)), "validation": "-"}


@house_style()
def plot_training(history: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw training and validation loss, a row of panels a method, a column a setting.

    Parameters
    ----------
    history : DataFrame
        As `grvsnn.scoring.training_curves.history_frame` returns it, of one dataset.
    paths : sequence of path
        Files to write.
    """
    methods, settings = _methods(history), settings_in(history)
    figure, axes = panel_grid(
        len(methods) * len(settings),
        3.3,
        2.3,
        columns=len(settings),
        extra_height=0.9,
        sharex="row",
        sharey=True,
    )
    panels = [(method, setting) for method in methods for setting in settings]
    for ax, (method, setting) in zip(axes, panels, strict=True):
        mine = history[(history["method"] == method) & (history["setting"] == setting)]
        ax.set_title(f"{method_label(method)}: {setting_label(setting, short=True)}")
        _draw(ax, mine, look(method).colour)
    for method, row in zip(methods, _rows(axes, len(settings)), strict=True):
        _set_limits(row, history, history["method"] == method)
    # one row is lower than the label is long
    gap = "\n" if len(methods) == 1 else " "
    figure.supylabel(f"Mean squared error{gap}(training variances)", fontsize=9)
    _add_keys(figure)
    save_figure(figure, paths)


def _methods(history: pd.DataFrame) -> list[str]:
    """Methods in display order, each followed by its variants."""
    methods = methods_in(history)
    bases = [base_method(name) for name in methods]
    return sorted(methods, key=lambda name: bases.index(base_method(name)))


def _rows(axes: Sequence[Axes], n_columns: int) -> list[Sequence[Axes]]:
    return [axes[i : i + n_columns] for i in range(0, len(axes), n_columns)]


def _draw(ax: Axes, runs: pd.DataFrame, colour: str) -> None:
    """Single runs pale, their medians bold, and the chosen steps along the bottom."""
    along = "step" if runs["n_features"].isna().all() else "n_features"
    ax.axhline(1, color=MUTED, linewidth=0.8, linestyle=":", zorder=1)
    medians = median_by_epoch(runs) if along == "step" else median_by_features(runs)
    lines = [line for _, line in runs.groupby(["repeat", *LINE])]
    # paler the more they are; a panel without runs has no line
    pale = np.clip(8 / max(1, len(lines)), 0.15, 0.4)
    for part, shade in (("training", MUTED), ("validation", colour)):
        points = [line[[along, part]].to_numpy(float) for line in lines]
        # as a picture: hundreds of lines would make an SVG heavy
        single = LineCollection(
            points,
            colors=shade,
            alpha=pale,
            linewidths=0.6,
            linestyles=[DASHES[part]],
            rasterized=True,
        )
        ax.add_collection(single)
        bold = INK if part == "training" else colour
        ax.plot(medians["x"], medians[part], color=bold, lw=1.9, ls=DASHES[part])
    _mark_chosen(ax, runs.loc[runs["is_chosen"], along].to_numpy(float))


def _mark_chosen(ax: Axes, chosen: np.ndarray) -> None:
    """Ticks at the steps whose weights predict, their quartiles and median."""
    at_bottom = ax.get_xaxis_transform()
    style = {"transform": at_bottom, "color": INK, "zorder": 4, "clip_on": False}
    ax.vlines(chosen, 0, RUG, linewidth=0.7, alpha=0.5, **style)
    if len(chosen):
        quartiles = np.quantile(chosen, [0.25, 0.5, 0.75])
        ax.plot(quartiles[[0, 2]], [1.8 * RUG] * 2, linewidth=2.2, **style)
        ax.plot(quartiles[1], 1.8 * RUG, "D", ms=4.5, mfc="white", **style)


def _set_limits(row: Sequence[Axes], history: pd.DataFrame, mine: pd.Series) -> None:
    """Epochs from 0 on one scale for all methods; paths from all features to few."""
    losses = history[["training", "validation"]].to_numpy(float)
    top = np.max(losses, initial=1.0, where=np.isfinite(losses))
    row[0].set_ylim(0, min(1.05 * top, CEILING))
    features = history.loc[mine, "n_features"]
    if features.isna().all():
        epochs = history.loc[history["n_features"].isna(), "step"]
        row[0].set_xlim(0, 1.03 * max(1, epochs.max()))
        label = "Epoch"
    else:
        row[0].set_xscale("log")
        row[0].set_xlim(features.max() * 1.1, features[features > 0].min() / 1.1)
        plain_log_axis(row[0].xaxis)
        label = "Features left in the path"
    for ax in row:
        ax.set_xlabel(label)


def _add_keys(figure: Figure) -> None:
    styles = {
        "inner validation": {"color": INK, "ls": DASHES["validation"]},
        "training": {"color": INK, "ls": DASHES["training"]},
        "single runs": {"color": MUTED, "lw": 0.6},
        "training mean": {"color": MUTED, "ls": ":", "lw": 0.8},
        "chosen: quartiles": {
            "color": INK,
            "lw": 2.2,
            "marker": "D",
            "ms": 4.5,
            "mfc": "white",
        },
    }
    add_legend(figure, [Line2D([], [], label=k, **v) for k, v in styles.items()])


def plot_histories(trained: Iterable[Mapping], paths: Sequence[str | Path]) -> None:
    """`plot_training` of the methods that keep their losses."""
    plot_training(history_frame(trained), paths)
