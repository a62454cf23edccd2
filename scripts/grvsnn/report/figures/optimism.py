"""Nested and optimistic fits of as many animals, joined by a line: leakage."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from grvsnn.base.labels import (
    method_label,
    methods_in,
    metric_axis,
    setting_label,
    settings_in,
)
from grvsnn.report.figures.dumbbell import draw_pairs, pair_legend
from grvsnn.report.figures.layout import at_place, panel_grid, place_title, places_in
from grvsnn.report.figures.style import house_style, save_figure
from grvsnn.scoring.optimism import fitted_shares, optimism_scores

PAIRS = {False: ("peeking", "part"), True: ("published", "whole")}
"""Leaky and nested cell, by whether all training animals are fitted."""


@house_style()
def plot_optimism(
    by_cell: pd.DataFrame, shares: Mapping[bool, int], paths: Sequence[str | Path]
) -> None:
    """Draw mean r by method, setting and animals fitted, a panel per trait.

    Parameters
    ----------
    by_cell : DataFrame
        From `grvsnn.scoring.optimism.optimism_scores`.
    shares : mapping of bool to int
        From `grvsnn.scoring.optimism.fitted_shares`.
    paths : sequence of path
        Files to write.
    """
    r = by_cell[by_cell["metric"] == "r"]
    by = ["dataset", "trait", "method", "setting", "cell"]
    # without r of constant predictions, which is undefined
    means = r.groupby(by, sort=False)["value"].mean().dropna().reset_index()
    known = set(means[["method", "setting", "cell"]].itertuples(index=False, name=None))
    rows = [
        (method, setting, size)
        for method, setting, size in product(
            methods_in(means), settings_in(means), PAIRS
        )
        if {(method, setting, cell) for cell in PAIRS[size]} <= known
    ]
    labels = [
        f"{method_label(m)}, {setting_label(s, short=True)}, {shares[size]} %"
        for m, s, size in rows
    ]
    places = places_in(means)
    height = 0.7 + 0.3 * len(rows)
    figure, axes = panel_grid(
        len(places), 3.0, height, extra_height=0.8, sharey=True, sharex=True
    )
    for ax, place in zip(axes, places, strict=True):
        here = at_place(means, place).set_index(["method", "setting", "cell"])["value"]
        pairs = {
            (m, s, size): tuple(here[m, s, cell] for cell in PAIRS[size])
            for m, s, size in rows
            if {(m, s, cell) for cell in PAIRS[size]} <= set(here.index)
        }
        draw_pairs(ax, rows, labels, pairs)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.set_title(place_title(place))
    axes[0].set_xlim(left=min(0, means["value"].min() - 0.02))
    figure.supxlabel(metric_axis("r"), fontsize=9)
    pair_legend(
        figure, "tuned and stopped on test animals (optimistic)", "nested protocol"
    )
    save_figure(figure, paths)


def plot_cells(
    scores: pd.DataFrame,
    companions: pd.DataFrame,
    folds: pd.DataFrame,
    paths: Sequence[str | Path],
    variant_scores: pd.DataFrame | None = None,
) -> None:
    """`plot_optimism` of methods and variants, beside their companions."""
    own = scores if variant_scores is None else pd.concat([scores, variant_scores])
    plot_optimism(optimism_scores(own, companions), fitted_shares(folds), paths)
