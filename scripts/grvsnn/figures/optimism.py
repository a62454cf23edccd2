"""Nested and published protocol, joined by a line: what the protocol adds to r."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from grvsnn.companions import beside_base
from grvsnn.figures.dumbbell import draw_pairs, pair_legend
from grvsnn.figures.layout import at_place, panel_grid, place_title, places_in
from grvsnn.labels import (
    method_label,
    methods_in,
    metric_axis,
    setting_label,
    settings_in,
)
from grvsnn.style import house_style, save_figure
from grvsnn.tasks import base_method


@house_style()
def plot_optimism(
    scores: pd.DataFrame, published: pd.DataFrame, paths: Sequence[str | Path]
) -> None:
    """Draw mean r of both protocols by method and setting, a panel per trait.

    Parameters
    ----------
    scores : DataFrame
        Long scores of the benchmark, one dataset.
    published : DataFrame
        Long scores of its ``<method>-published`` fits.
    paths : sequence of path
        Files to write.
    """
    both = beside_base(scores, published)
    both = both[both["metric"] == "r"]
    by = ["dataset", "trait", "method", "setting"]
    means = both.groupby(by, sort=False)["value"].mean().reset_index()
    methods = dict.fromkeys(map(base_method, methods_in(means)))
    rows = [(m, s) for m in methods for s in settings_in(means)]
    labels = [f"{method_label(m)}, {setting_label(s, short=True)}" for m, s in rows]
    places = places_in(means)
    height = 0.7 + 0.3 * len(rows)
    figure, axes = panel_grid(
        len(places), 3.0, height, extra_height=0.8, sharey=True, sharex=True
    )
    for ax, place in zip(axes, places, strict=True):
        mean = at_place(means, place).set_index(["method", "setting"])["value"]
        pairs = {
            (m, s): (mean[f"{m}-published", s], mean[m, s])
            for m, s in rows
            if {(m, s), (f"{m}-published", s)} <= set(mean.index)
        }
        draw_pairs(ax, rows, labels, pairs)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_title(place_title(place))
    axes[0].set_xlim(left=min(0, means["value"].min() - 0.02))
    figure.supxlabel(metric_axis("r"), fontsize=9)
    pair_legend(figure, "published protocol (optimistic)", "nested protocol")
    save_figure(figure, paths)
