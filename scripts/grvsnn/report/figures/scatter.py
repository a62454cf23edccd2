"""Observed against predicted test phenotypes (the paper's Fig. 1)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grvsnn.report.figures.layout import at_place, panel_grid, place_title, places_in
from grvsnn.report.figures.style import ACCENT, INK, LOOKS, house_style, save_figure
from grvsnn.scoring.metrics import calibration, dcor, pearson

RASTER_ABOVE = 4000


def pair_up(predictions: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Join predictions with what was observed, without missing observations.

    Parameters
    ----------
    predictions, truth : DataFrame
        As for `grvsnn.scoring.metrics.score_predictions`.

    Returns
    -------
    DataFrame
        The columns of `predictions`, and observed.
    """
    keys = ["repeat", "fold", "sample_id", "trait"]
    keys += ["dataset"] if "dataset" in truth else []
    both = predictions.merge(truth[[*keys, "observed"]], on=keys, validate="m:1")
    return both.dropna(subset="observed").reset_index(drop=True)


@house_style()
def plot_true_vs_predicted(frame: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw one panel per dataset and trait, with r and dCor of the points in it.

    Parameters
    ----------
    frame : DataFrame
        dataset, trait, observed and predicted (training SD) of one method and setting;
        with the folds of one repeat each animal is one point.
    paths : sequence of path
        Files to write.
    """
    places = places_in(frame)
    figure, axes = panel_grid(len(places), width=3.1, height=3.0)
    for ax, place in zip(axes, places, strict=True):
        _draw(ax, at_place(frame, place)[["observed", "predicted"]].dropna())
        ax.set_title(place_title(place))
    figure.supxlabel("Predicted phenotype (training SD)", fontsize=9)
    figure.supylabel("Observed phenotype (training SD)", fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    save_figure(figure, paths)


def _draw(ax: Axes, points: pd.DataFrame) -> None:
    observed, predicted = points.to_numpy(float).T
    ax.scatter(
        predicted,
        observed,
        s=9,
        alpha=0.4,
        linewidths=0,
        color=LOOKS["lassonet"].colour,
        rasterized=len(points) > RASTER_ABOVE,
    )
    reach = 1.06 * np.abs(observed).max(initial=1.0)
    # predictions are shrunk: their axis is shorter, but never less than half as long
    width = max(1.15 * np.abs(predicted).max(initial=0.0), reach / 2)
    ax.set(xlim=(-width, width), ylim=(-reach, 1.25 * reach))
    ends = np.array([-width, width])
    ax.plot(ends, ends, color=INK, linestyle="--", linewidth=1, label="identity")
    slope, intercept = calibration(observed, predicted)
    if not np.isnan(slope):
        line = intercept + slope * ends
        label = "regression of observed on predicted"
        ax.plot(ends, line, color=ACCENT, linewidth=1.4, label=label)
    ax.annotate(
        _caption(observed, predicted),
        (0.03, 0.97),
        xycoords="axes fraction",
        va="top",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )


def _caption(observed: np.ndarray, predicted: np.ndarray) -> str:
    r, distance = pearson(observed, predicted), dcor(observed, predicted)
    if np.isnan(r):
        return f"constant predictions, n = {len(observed)}"
    return f"r = {r:.3f}, dCor = {distance:.3f}\nn = {len(observed)}".replace("-", "−")


def plot_first_repeat(
    predictions: pd.DataFrame, truth: pd.DataFrame, paths: Sequence[str | Path]
) -> None:
    """`plot_true_vs_predicted` of one repeat, in which every animal is one point."""
    plot_true_vs_predicted(pair_up(predictions, truth), paths)
