"""Learned contribution of single loci against their dosage: additive or not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grvsnn.base.files import parquet_columns, read_parquet
from grvsnn.base.labels import methods_in, trait_label, traits_in
from grvsnn.genotypes.plink import read_genotypes
from grvsnn.report.figures.layout import add_legend, method_key, panel_grid
from grvsnn.report.figures.style import INK, MUTED, house_style, look, save_figure

CURVE = ["curve_0", "curve_1", "curve_2"]
DOSAGES = np.arange(3.0)
LARGEST = 90  # area of a point when every animal has the genotype


@house_style()
def plot_curves(
    features: pd.DataFrame,
    shares: pd.DataFrame,
    paths: Sequence[str | Path],
    qtl: pd.DataFrame | None = None,
    n_loci: int = 8,
) -> None:
    """Draw a row of small panels per trait, one a locus, all methods in it.

    Parameters
    ----------
    features : DataFrame
        method, repeat, fold, trait, feature, importance and the columns `CURVE`
        (contribution at 0, 1, 2 copies, NaN for a genotype that is not there) of the
        markers in every run of one dataset and setting.
    shares : DataFrame
        Genotype frequencies in the columns `CURVE`, indexed by marker.
    paths : sequence of path
        Files to write.
    qtl : DataFrame, optional
        trait and snp of the true QTL, which get an asterisk.
    n_loci : int
        Loci per trait, the most important over all methods and runs.
    """
    methods, traits = methods_in(features), traits_in(features)
    figure, axes = panel_grid(
        len(traits) * n_loci, 1.3, 1.6, columns=n_loci, sharex=True, sharey="row"
    )
    for row, trait in enumerate(traits):
        mine = features[features["trait"] == trait]
        known = set() if qtl is None else set(qtl.loc[qtl["trait"] == trait, "snp"])
        places = axes[row * n_loci : (row + 1) * n_loci]
        loci = top_loci(mine, n_loci)
        for ax, locus in zip(places, loci, strict=False):
            here = mine[mine["feature"] == locus]
            _draw(ax, here, shares.loc[locus].to_numpy(float), methods)
            ax.set_title(locus + (" *" if locus in known else ""), fontsize=8)
            ax.set_xticks(DOSAGES)
            ax.set_xlim(-0.4, 2.4)
        for spare in places[len(loci) :]:
            spare.set_axis_off()
        places[0].set_ylabel(trait_label(trait))
    figure.supxlabel("Copies of allele A1", fontsize=9)
    figure.supylabel("Contribution (training SD)", fontsize=9)
    add_legend(figure, [*map(method_key, methods), _dashed_key()])
    save_figure(figure, paths)


def top_loci(features: pd.DataFrame, n_loci: int) -> list[str]:
    """Markers of one trait with the largest mean importance over methods and runs."""
    means = features.groupby("feature", sort=False, observed=True)["importance"].mean()
    return list(means.sort_values(ascending=False, kind="stable").index[:n_loci])


def additive_line(curve: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Weighted regression of a curve on the dosage: its additive part.

    Parameters
    ----------
    curve, shares : ndarray of float, shape (3,)
        Contribution and frequency of each genotype; a genotype without contribution
        (NaN) weighs nothing.

    Returns
    -------
    ndarray of float, shape (3,)
        The fitted line, NaN beyond the genotypes that are there, and everywhere when
        they are fewer than two.
    """
    there = np.isfinite(curve) & (shares > 0)
    if there.sum() < 2:
        return np.full(3, np.nan)
    # polyfit's weights multiply residuals, not their squares
    slope, start = np.polyfit(DOSAGES[there], curve[there], 1, w=np.sqrt(shares[there]))
    return np.where(there, start + slope * DOSAGES, np.nan)


def _draw(
    ax: Axes, features: pd.DataFrame, shares: np.ndarray, methods: list[str]
) -> None:
    ax.axhline(0, color=MUTED, linewidth=0.6)
    for method in methods:
        runs = features.loc[features["method"] == method, CURVE].to_numpy(float)
        if not np.isfinite(runs).any():
            continue
        shape = look(method)
        ax.plot(DOSAGES, runs.T, "-", color=shape.colour, alpha=0.2, linewidth=0.6)
        there = np.isfinite(runs).any(axis=0)
        mean = np.full(3, np.nan)
        mean[there] = np.nanmean(runs[:, there], axis=0)
        line = additive_line(mean, shares)
        ax.plot(DOSAGES, line, "--", color=shape.colour, linewidth=0.9)
        ax.plot(DOSAGES, mean, "-", color=shape.colour, linewidth=1.3)
        ax.scatter(
            DOSAGES,
            mean,
            s=8 + LARGEST * shares,
            marker=shape.marker,
            color=shape.colour,
            edgecolor=INK,
            linewidth=0.7,
            zorder=3,
        )


def _dashed_key() -> Line2D:
    return Line2D(
        [], [], linestyle="--", color=INK, linewidth=0.8, label="additive part"
    )


def plot_top_loci(
    features: Sequence[str],
    bed: str,
    paths: Sequence[str | Path],
    true_qtl: pd.DataFrame | None = None,
) -> None:
    """`plot_curves` of the runs of the methods that have curves, from their files."""
    keys = ["method", "repeat", "fold", "trait", "feature", "kind", "importance"]
    there = [path for path in features if set(CURVE) <= set(parquet_columns(path))]
    runs = pd.concat([read_parquet(path, columns=[*keys, *CURVE]) for path in there])
    runs = runs[runs["kind"] == "marker"].dropna(subset=CURVE, how="all")
    plot_curves(runs, genotype_shares(bed), paths, qtl=true_qtl)


def genotype_shares(bed: str) -> pd.DataFrame:
    """Share of the called animals with 0, 1 and 2 copies of A1, a row a marker."""
    dosages, _, marker_map = read_genotypes(bed)
    counts = np.stack([(dosages == dosage).sum(axis=0) for dosage in range(3)], axis=1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame(shares, index=marker_map["snp"].astype(str), columns=CURVE)
