"""Methods and their variants, run by run: epochs, accuracy and selection."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from grvsnn.base.labels import (
    method_label,
    methods_in,
    metric_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.report.figures.layout import (
    add_legend,
    mark_runs,
    marker_style,
    panel_grid,
    setting_keys,
)
from grvsnn.report.figures.style import MUTED, house_style, look, save_figure
from grvsnn.report.tables.ablation import metrics_in
from grvsnn.scoring.ablation import ablation_scores

SHIFT = 0.3  # between settings, of the distance between methods


@house_style()
def plot_ablation(scores: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Draw every metric by method, a row of panels per trait, runs joined by lines.

    Parameters
    ----------
    scores : DataFrame
        As `grvsnn.scoring.ablation.ablation_scores` returns it, of one dataset.
    paths : sequence of path
        Files to write.
    """
    methods, settings = methods_in(scores), settings_in(scores)
    traits, metrics = traits_in(scores), metrics_in(scores)
    height = 0.7 + 0.3 * len(methods) * len(settings)
    n_panels = len(traits) * len(metrics)
    figure, axes = panel_grid(
        n_panels, 2.1, height, columns=len(metrics), sharey=True, sharex="col"
    )
    for number, ax in enumerate(axes):
        trait, metric = traits[number // len(metrics)], metrics[number % len(metrics)]
        mine = (scores["trait"] == trait) & (scores["metric"] == metric)
        _draw(ax, scores[mine], methods, settings)
        ax.set_title(trait_label(trait) if metric == metrics[0] else "")
        ax.set_yticks(range(len(methods)), map(method_label, methods))
        ax.set_ylim(len(methods) - 0.5, -0.5)
        ax.grid(False, axis="y")
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        if trait == traits[-1]:
            ax.set_xlabel(metric_label(metric))
    add_legend(figure, setting_keys(settings))
    save_figure(figure, paths)


def _draw(
    ax: Axes, scores: pd.DataFrame, methods: list[str], settings: list[str]
) -> None:
    for number, setting in enumerate(settings):
        mine = scores[scores["setting"] == setting]
        # not pivot_table: a run scored twice is a mistake to hear of
        wide = mine.pivot(  # noqa: PD010
            index="method", columns=["repeat", "fold"], values="value"
        ).reindex(methods)
        place = [
            i + SHIFT * (number - (len(settings) - 1) / 2) for i in range(len(methods))
        ]
        ax.plot(wide, place, "-", color=MUTED, alpha=0.35, linewidth=0.6)
        for method, y in zip(methods, place, strict=True):
            values = wide.loc[method]
            points = {"color": look(method).colour, "alpha": 0.35, "ms": 3.5}
            ax.plot(values, [y] * len(values), ".", **points)
            ax.plot(values.mean(), y, **marker_style(method, number))
            if values.notna().any():
                mark_runs(ax, values.mean(), y, values.count(), len(values))


def plot_variants(
    scores: pd.DataFrame,
    variant_scores: pd.DataFrame,
    fits: Iterable[Mapping],
    paths: Sequence[str | Path],
) -> None:
    """`plot_ablation` of the scores and epochs of methods and variants."""
    plot_ablation(ablation_scores(scores, variant_scores, fits), paths)
