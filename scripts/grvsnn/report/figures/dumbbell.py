"""Pairs of numbers joined by a line: a hollow diamond and a filled dot a row."""

from collections.abc import Hashable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grvsnn.report.figures.style import INK, MUTED

HOLLOW = {"marker": "D", "markerfacecolor": "white", "markersize": 5.5}
FILLED = {"marker": "o", "markerfacecolor": INK, "markersize": 6}
EDGE = {
    "markeredgecolor": INK,
    "markeredgewidth": 1.1,
    "linestyle": "",
    "clip_on": False,
}


def draw_pairs(
    ax: Axes,
    rows: Sequence[Hashable],
    labels: Sequence[str],
    pairs: Mapping[Hashable, tuple[float, float]],
) -> None:
    """Draw (hollow, filled) of every row that has them, the first row on top."""
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    for y, row in enumerate(rows):
        if row not in pairs:
            continue
        hollow, filled = pairs[row]
        ax.plot([hollow, filled], [y, y], color=MUTED, linewidth=1.4, zorder=1)
        ax.plot(hollow, y, zorder=3, **HOLLOW, **EDGE)
        ax.plot(filled, y, zorder=2, **FILLED, **EDGE)
    ax.set_yticks(range(len(rows)), labels)
    ax.set_ylim(len(rows) - 0.5, -0.5)


def pair_legend(figure: Figure, hollow: str, filled: str) -> None:
    """Say above the panels what the two marks are."""
    handles = [
        Line2D([], [], **HOLLOW, **EDGE, label=hollow),
        Line2D([], [], **FILLED, **EDGE, label=filled),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
