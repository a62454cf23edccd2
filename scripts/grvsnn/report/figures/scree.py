"""Sorted eigenvalues of the pedigree relationship matrix (the paper's Fig. 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from grvsnn.base.files import read_parquet
from grvsnn.base.labels import dataset_label
from grvsnn.report.figures.layout import panel_grid, plain_log_axis
from grvsnn.report.figures.style import ACCENT, LOOKS, house_style, save_figure

LOG_ABOVE = 30.0
FEW = 200


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of one dataset and where they were cut.

    Parameters
    ----------
    eigenvalues : ndarray of float, shape (k,)
        In any order.
    rank : int
        Number of components kept.
    rule : str
        Rule that chose it.
    share : float, optional
        Share of the trace that the kept components hold.
    ties : sequence of two int, optional
        First and last of the tied components among which the cut falls.
    """

    eigenvalues: np.ndarray
    rank: int
    rule: str = ""
    share: float | None = None
    ties: Sequence[int] | None = None


@house_style()
def plot_scree(spectra: Mapping[str, Spectrum], paths: Sequence[str | Path]) -> None:
    """Draw one panel per dataset, a dotted line at the chosen rank.

    The axis is logarithmic where the positive eigenvalues span more than a factor of
    30; eigenvalues of 0 are then left out.

    Parameters
    ----------
    spectra : mapping of str to Spectrum
        By dataset.
    paths : sequence of path
        Files to write.
    """
    figure, axes = panel_grid(len(spectra), width=3.4, height=2.9, extra_height=0)
    for ax, (dataset, spectrum) in zip(axes, spectra.items(), strict=True):
        _draw(ax, spectrum)
        ax.set_title(dataset_label(dataset))
        ax.set(xlabel="Component, by size", ylabel="Eigenvalue of A")
    save_figure(figure, paths)


def _draw(ax: Axes, spectrum: Spectrum) -> None:
    values = np.sort(np.asarray(spectrum.eigenvalues, dtype=float))[::-1]
    # rounding leaves tiny values of either sign where A is singular
    positive = values[values > 1e-8 * values[0]]
    use_log = positive[0] / positive[-1] > LOG_ABOVE
    if use_log:
        ax.set_yscale("log")
        values = positive
    order = np.arange(1, len(values) + 1)
    # a line of many points is simplified in the file, markers are not
    marker = "." if len(values) <= FEW else ""
    ax.plot(order, values, marker=marker, linewidth=1.8, color=LOOKS["lassonet"].colour)
    if use_log:
        plain_log_axis(ax.yaxis)
    ax.axvline(spectrum.rank, color=ACCENT, linestyle=":", linewidth=1.6)
    rule = f"\nrule {spectrum.rule}" if spectrum.rule else ""
    share = f"\n{spectrum.share:.0%} of the trace" if spectrum.share else ""
    ties = "\nties {}–{}".format(*spectrum.ties) if spectrum.ties else ""
    left = spectrum.rank > 0.6 * len(values)
    ax.annotate(
        f"m = {spectrum.rank}{rule}{share}{ties}",
        (spectrum.rank, 0.95),
        xycoords=("data", "axes fraction"),
        xytext=(-5 if left else 5, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        color=ACCENT,
    )


def plot_spectra(
    eigenvalues: Sequence[str],
    ranks: Sequence[Mapping],
    with_relatives: Sequence[str],
    paths: Sequence[str | Path],
) -> None:
    """`plot_scree` of the datasets with relatives, in the order of their files."""
    spectra = {}
    for dataset, path, chosen in zip(with_relatives, eigenvalues, ranks, strict=True):
        evidence = chosen["evidence"]
        spectra[dataset] = Spectrum(
            read_parquet(path)["eigenvalue"].to_numpy(),
            chosen["rank"],
            chosen["rule"],
            evidence["share"],
            evidence.get("ties"),
        )
    plot_scree(spectra, paths)
