"""Importance of features along the genetic map, with the true QTL where known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grvsnn.base.files import read_parquet
from grvsnn.base.labels import trait_label, traits_in
from grvsnn.genotypes.plink import read_genotypes
from grvsnn.report.figures.layout import panel_grid
from grvsnn.report.figures.style import (
    ACCENT,
    INK,
    LOOKS,
    MUTED,
    house_style,
    save_figure,
)

LOADINGS = "pedigree"
LOADINGS_WIDTH = 0.09  # of the whole map
GAPS = 0.12  # all gaps together, of the whole map
LABEL_ABOVE = 0.015  # shorter chromosomes stay without a label
RASTER_ABOVE = 5000


@house_style()
def plot_manhattan(
    features: pd.DataFrame,
    marker_map: pd.DataFrame,
    paths: Sequence[str | Path],
    qtl: pd.DataFrame | None = None,
    unit: str = "cm",
    often: float = 0.5,
) -> None:
    """Draw mean importance over the runs, a panel per trait.

    Parameters
    ----------
    features : DataFrame
        trait, feature, kind, importance, selected of every run of one dataset,
        setting and method.
    marker_map : DataFrame
        snp, chromosome and `unit`, one row a marker in map order.
    paths : sequence of path
        Files to write.
    qtl : DataFrame, optional
        trait, chromosome and `unit` of the true QTL, marked by triangles on top.
    unit : {"cm", "position"}
        Column with the place on the chromosome.
    often : float
        Share of the runs from which a feature is drawn as selected.
    """
    by = ["trait", "feature", "kind"]
    means = features.groupby(by, sort=False, observed=True, as_index=False)[
        ["importance", "selected"]
    ].mean()
    has_loadings = bool((means["kind"] != "marker").any())
    axis = _Axis(marker_map, unit, has_loadings)
    means["x"] = axis.place_features(means)
    traits = traits_in(means)
    figure, axes = panel_grid(len(traits), 8.2, 2.1, columns=1, sharex=True)
    for ax, trait in zip(axes, traits, strict=True):
        _draw(ax, means[means["trait"] == trait], axis, often)
        ax.set_title(trait_label(trait))
        if qtl is not None:
            places = axis.place(qtl[qtl["trait"] == trait])
            ax.plot(places, np.full(len(places), 1.07), "v", color=ACCENT, ms=5)
        ax.set_xticks(axis.centres(), axis.labels())
        ax.tick_params(axis="x", length=0)
    figure.supxlabel("Chromosome", fontsize=9)
    figure.supylabel("Mean importance (largest of a run = 1)", fontsize=9)
    figure.legend(
        handles=_keys(qtl is not None, often), loc="outside upper left", ncols=3
    )
    save_figure(figure, paths)


class _Axis:
    """Chromosomes laid end to end, pedigree loadings as a last block."""

    def __init__(self, marker_map: pd.DataFrame, unit: str, has_loadings: bool) -> None:
        self.unit = unit
        names = marker_map["chromosome"].astype(str)
        place = marker_map[unit].astype(float)
        ends = place.groupby(names.to_numpy(), sort=False).max()
        self.names = list(ends.index)
        self.lengths = list(ends.to_numpy())
        if has_loadings:
            self.names.append(LOADINGS)
            self.lengths.append(LOADINGS_WIDTH * ends.sum())
        gap = GAPS * ends.sum() / len(self.names)
        self.starts = np.concatenate([[0], np.cumsum(np.add(self.lengths, gap))[:-1]])
        self._start_of = dict(zip(self.names, self.starts, strict=True))
        self._marker_x = pd.Series(
            names.map(self._start_of).to_numpy(float) + place.to_numpy(),
            index=marker_map["snp"].astype(str),
        )

    def centres(self) -> np.ndarray:
        """Middle of each block, for its label."""
        return self.starts + np.divide(self.lengths, 2)

    def labels(self) -> list[str]:
        """Names of the blocks that are long enough to carry one."""
        least = LABEL_ABOVE * sum(self.lengths)
        both = zip(self.names, self.lengths, strict=True)
        return [name if length >= least else "" for name, length in both]

    def place(self, frame: pd.DataFrame) -> np.ndarray:
        """Places of rows that have a chromosome and a position."""
        starts = frame["chromosome"].astype(str).map(self._start_of)
        return starts.to_numpy(float) + frame[self.unit].to_numpy(float)

    def place_features(self, frame: pd.DataFrame) -> np.ndarray:
        """Places of markers by their name; loadings in their own order."""
        names = frame["feature"].astype(str)
        x = self._marker_x.reindex(names).to_numpy(float, copy=True)
        loading = (frame["kind"] != "marker").to_numpy()
        if loading.any():
            order = pd.factorize(frame.loc[loading, "feature"])[0]
            share = (order + 0.5) / (order.max() + 1)
            x[loading] = self._start_of[LOADINGS] + share * self.lengths[-1]
        return x


def _draw(ax: Axes, means: pd.DataFrame, axis: _Axis, often: float) -> None:
    for i, (start, length) in enumerate(zip(axis.starts, axis.lengths, strict=True)):
        if i % 2 == 0:
            ax.axvspan(start, start + length, color="#f2f2f2", linewidth=0, zorder=0)
    chosen = (means["selected"] >= often).to_numpy()
    rest, often_chosen = means[~chosen], means[chosen]
    raster = len(rest) > RASTER_ABOVE
    ax.plot(rest["x"], rest["importance"], ".", color=MUTED, ms=2.5, rasterized=raster)
    ax.plot(
        often_chosen["x"],
        often_chosen["importance"],
        "o",
        color=LOOKS["lassonet"].colour,
        markeredgecolor=INK,
        markeredgewidth=0.5,
        markersize=4.5,
    )
    end = axis.starts[-1] + axis.lengths[-1]
    ax.set(xlim=(-0.01 * end, 1.01 * end), ylim=(0, 1.14))
    ax.set_yticks([0, 0.5, 1])
    ax.grid(False, axis="x")


def _keys(has_qtl: bool, often: float) -> list[Line2D]:
    blue = {"color": LOOKS["lassonet"].colour, "markeredgecolor": INK}
    keys = [
        Line2D([], [], marker=".", linestyle="", color=MUTED, label="feature"),
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            markersize=4.5,
            label=f"selected in {100 * often:g} % of the runs or more",
            **blue,
        ),
    ]
    if has_qtl:
        key = Line2D([], [], marker="v", linestyle="", color=ACCENT, label="true QTL")
        keys.append(key)
    return keys


def plot_importance(
    features: Sequence[str],
    bed: str,
    paths: Sequence[str | Path],
    true_qtl: pd.DataFrame | None = None,
) -> None:
    """`plot_manhattan` of all runs of one setting, from the files of its features."""
    columns = ["trait", "feature", "kind", "importance", "selected"]
    frames = [read_parquet(path, columns=columns) for path in features]
    _, _, marker_map = read_genotypes(bed)
    # a map without genetic distances is drawn in base pairs
    unit = "cm" if (marker_map["cm"] > 0).any() else "position"
    plot_manhattan(pd.concat(frames), marker_map, paths, qtl=true_qtl, unit=unit)
