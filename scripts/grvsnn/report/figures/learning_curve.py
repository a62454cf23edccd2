"""Accuracy against the number of training animals."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from grvsnn.base.labels import methods_in, metric_axis, settings_in
from grvsnn.report.figures.layout import (
    add_legend,
    at_place,
    mark_runs,
    marker_style,
    method_key,
    panel_grid,
    place_title,
    places_in,
    setting_keys,
)
from grvsnn.report.figures.style import house_style, look, save_figure
from grvsnn.scoring.learning_curve import share_scores
from grvsnn.scoring.metrics import count_runs

SPREAD = 0.012  # between curves, of the largest number of animals


@house_style()
def plot_learning(scores: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw mean r with its SD over runs, a curve per method and setting.

    Parameters
    ----------
    scores : DataFrame
        As `grvsnn.scoring.learning_curve.share_scores` returns it.
    paths : sequence of path
        Files to write.
    """
    methods, settings = methods_in(scores), settings_in(scores)
    curves = [(m, s) for m in methods for s in settings]
    by = ["dataset", "trait", "method", "setting", "share"]
    points = scores.groupby(by, sort=False).agg(
        n_train=("n_train", "mean"),
        r=("value", "mean"),
        sd=("value", "std"),
        n=("value", "count"),
    )
    runs = count_runs(scores)
    points = points.reset_index().sort_values("share")
    places = places_in(scores)
    figure, axes = panel_grid(
        len(places), 3.1, 2.5, extra_height=0.9, sharex=True, sharey=True
    )
    for ax, place in zip(axes, places, strict=True):
        _draw(ax, at_place(points, place), curves, settings, runs[place[0]])
        ax.set_title(place_title(place))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes[0].set_xlim(left=0)
    figure.supxlabel("Training animals (mean of a fold); bars: ± SD", fontsize=9)
    figure.supylabel(metric_axis("r"), fontsize=9)
    keys = [method_key(method) for method in methods]
    keys += setting_keys(settings)
    add_legend(figure, keys)
    save_figure(figure, paths)


def _draw(
    ax: Axes,
    points: pd.DataFrame,
    curves: list[tuple[str, str]],
    settings: list[str],
    runs: int,
) -> None:
    for i, (method, setting) in enumerate(curves):
        mine = points[(points["method"] == method) & (points["setting"] == setting)]
        # beside one another, so that bars do not cover each other
        shift = SPREAD * points["n_train"].max() * (i - (len(curves) - 1) / 2)
        number = settings.index(setting)
        ax.errorbar(
            mine["n_train"] + shift,
            mine["r"],
            mine["sd"],
            color=look(method).colour,
            linestyle="-" if number == 0 else "--",
            linewidth=1.1,
            elinewidth=0.8,
            **marker_style(method, number),
        )
        for point in mine.dropna(subset="r").itertuples():
            mark_runs(ax, point.n_train + shift, point.r, point.n, runs)


def plot_shares(
    scores: pd.DataFrame,
    companions: pd.DataFrame,
    folds: pd.DataFrame,
    paths: Sequence[str | Path],
) -> None:
    """`plot_learning` of the benchmark's scores and those of its shares."""
    plot_learning(share_scores(scores, companions, folds), paths)
