"""Quality of the genotypes: distributions in which what is wrong stands apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grvsnn.genotypes.checks import Limits, heterozygosity_range
from grvsnn.genotypes.mendel import expected_conflicts
from grvsnn.report.figures.layout import panel_grid
from grvsnn.report.figures.style import ACCENT, INK, LOOKS, house_style, save_figure

FILL = LOOKS["bayescpi"].colour
BINS = 40


@house_style()
def plot_quality(
    animals: pd.DataFrame,
    markers: pd.DataFrame,
    pairs: pd.DataFrame,
    limits: Limits,
    paths: Sequence[str | Path],
) -> None:
    """Draw a panel a measure; dotted lines are the limits of the checks.

    Parameters
    ----------
    animals, markers, pairs : DataFrame
        As `grvsnn.genotypes.quality.Quality` describes them.
    limits : Limits
        Where suspicion begins.
    paths : sequence of path
        Files to write.
    """
    with_parents = (pairs["kind"] == "recorded").any()
    figure, axes = panel_grid(4 + with_parents, width=3.2, height=2.6, extra_height=0)
    _draw_maf(axes[0], markers, limits)
    _draw_call_rates(axes[1], animals, markers, limits)
    _draw_heterozygosity(axes[2], animals, limits)
    _draw_nearest(axes[3], animals, limits)
    if with_parents:
        _draw_conflicts(axes[4], pairs, markers, limits)
    save_figure(figure, paths)


def _draw_maf(ax: Axes, markers: pd.DataFrame, limits: Limits) -> None:
    maf = markers["maf"].dropna()
    ax.hist(maf, np.linspace(0, 0.5, BINS + 1), color=FILL)
    _limit(ax, limits.min_maf)
    fixed = int((maf == 0).sum())
    ax.set_title(f"Allele frequencies ({fixed:,} monomorphic)")
    ax.set(xlabel="Minor allele frequency", ylabel="Markers")


def _draw_call_rates(
    ax: Axes, animals: pd.DataFrame, markers: pd.DataFrame, limits: Limits
) -> None:
    ax.set_title("Calls")
    ax.set(xlabel="Share of calls there", ylabel="Share of each (%)")
    both = {"markers": markers["call_rate"], "animals": animals["call_rate"]}
    lowest = min(limits.min_call_rate_marker, limits.min_call_rate_sample)
    lowest = min(lowest, *(rate.min() for rate in both.values()))
    _two_shares(ax, both, np.linspace(lowest, 1, BINS + 1))
    for limit in {limits.min_call_rate_marker, limits.min_call_rate_sample}:
        _limit(ax, limit)


def _draw_heterozygosity(ax: Axes, animals: pd.DataFrame, limits: Limits) -> None:
    share = animals["heterozygosity"].dropna()
    low, high = heterozygosity_range(share.to_numpy(), limits.max_heterozygosity_sd)
    outside = share[(share < low) | (share > high)]
    ax.hist(share, BINS, color=FILL)
    # a single animal's bar is too low to be seen
    ax.plot(outside, np.zeros(len(outside)), "|", color=ACCENT, markersize=12)
    for limit in filter(np.isfinite, (low, high)):
        _limit(ax, limit)
    ax.set_title(f"Heterozygosity ({len(outside):,} far off)")
    ax.set(xlabel="Share of heterozygous calls", ylabel="Animals")


def _draw_nearest(ax: Axes, animals: pd.DataFrame, limits: Limits) -> None:
    nearest = animals["nearest"]
    ax.hist(nearest, np.linspace(min(nearest.min(), 0.9), 1, BINS + 1), color=FILL)
    _limit(ax, limits.duplicate_concordance)
    ax.set_title("Nearest other animal")
    ax.set(xlabel="Share of identical calls", ylabel="Animals")


def _draw_conflicts(
    ax: Axes, pairs: pd.DataFrame, markers: pd.DataFrame, limits: Limits
) -> None:
    rates = {
        f"{kind} pairs": pairs.loc[pairs["kind"] == kind, "rate"]
        for kind in ("recorded", "random")
    }
    autosomal = markers.loc[markers["is_autosomal"], "frequency"].dropna()
    expected = expected_conflicts(autosomal.to_numpy(), n_parents=1).mean()
    highest = max(expected, *(rate.max() for rate in rates.values()))
    _two_shares(ax, rates, np.linspace(0, 1.05 * highest, BINS + 1))
    _limit(ax, limits.max_mendel_pair)
    ax.axvline(expected, color=INK, linestyle="--", linewidth=1)
    wrong = int((rates["recorded pairs"] > limits.max_mendel_pair).sum())
    ax.set_title(f"Parent and offspring ({wrong:,} excluded)")
    ax.set(xlabel="Opposing homozygotes, share of markers", ylabel="Share of each (%)")


def _two_shares(ax: Axes, values: dict[str, pd.Series], edges: np.ndarray) -> None:
    """Two distributions in per cent: the first filled, the second in outline."""
    looks = ({"color": FILL}, {"histtype": "step", "color": INK, "linewidth": 1.3})
    for (label, series), look in zip(values.items(), looks, strict=True):
        weights = np.full(len(series), 100 / max(len(series), 1))
        ax.hist(series, edges, weights=weights, label=label, **look)
    ax.legend(loc="best")


def _limit(ax: Axes, value: float) -> None:
    ax.axvline(value, color=ACCENT, linestyle=":", linewidth=1.6)


def plot_genotype_quality(
    animals: pd.DataFrame,
    markers: pd.DataFrame,
    pairs: pd.DataFrame,
    qc: Mapping,
    paths: Sequence[str | Path],
) -> None:
    """`plot_quality`, with the limits of the config's section ``qc``."""
    plot_quality(animals, markers, pairs, Limits.from_mapping(qc), paths)
