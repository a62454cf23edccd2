"""Grids of panels, and the legend entries that figures share."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from grvsnn.base.labels import (
    dataset_label,
    datasets_in,
    method_label,
    setting_label,
    trait_label,
    traits_in,
)
from grvsnn.report.figures.style import INK, MUTED, look, new_figure

LEGEND_COLUMN = 1.55  # inches
WIDE = 150  # an axis that spans more than this factor has ticks at 1, 10, 100 only


def panel_grid(
    n_panels: int,
    width: float,
    height: float,
    columns: int = 3,
    extra_height: float = 0.5,
    **subplots: object,
) -> tuple[Figure, list[Axes]]:
    """Make a figure of equal panels in reading order; unused places stay empty.

    Parameters
    ----------
    n_panels : int
        Number of panels.
    width, height : float
        Inches of one panel.
    columns : int
        Most panels beside one another.
    extra_height : float
        Inches for legends and shared labels.
    **subplots
        Passed to `Figure.subplots`, e.g. sharex.
    """
    n_columns = max(1, min(n_panels, columns))
    n_rows = max(1, -(-n_panels // n_columns))
    # a single narrow panel would not hold its legend
    total = max(n_columns * width, 4.6)
    figure = new_figure(total, n_rows * height + extra_height)
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False, **subplots).ravel())
    for spare in axes[n_panels:]:
        spare.remove()
    return figure, axes[:n_panels]


def places_in(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return dataset and trait of each panel, in display order."""
    return [
        (dataset, trait)
        for dataset in datasets_in(frame)
        for trait in traits_in(frame[frame["dataset"] == dataset])
    ]


def at_place(frame: pd.DataFrame, place: tuple[str, str]) -> pd.DataFrame:
    """Return the rows of one panel."""
    return frame[(frame["dataset"] == place[0]) & (frame["trait"] == place[1])]


def place_title(place: tuple[str, str]) -> str:
    """Title of a panel."""
    return f"{dataset_label(place[0])}: {trait_label(place[1])}"


def method_rows(
    methods: Sequence[str], settings: Sequence[str], gap: float
) -> dict[tuple[str, str], float]:
    """Height of each method and setting, from the top down, methods `gap` apart."""
    step = len(settings) + gap
    return {
        (method, setting): -(i * step + j)
        for i, method in enumerate(methods)
        for j, setting in enumerate(settings)
    }


def label_methods(
    ax: Axes,
    methods: Sequence[str],
    settings: Sequence[str],
    rows: Mapping[tuple[str, str], float],
) -> None:
    """Name each method at the middle of its `method_rows`."""
    middle = [(rows[m, settings[0]] + rows[m, settings[-1]]) / 2 for m in methods]
    ax.set_yticks(middle, [method_label(method) for method in methods])
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")


def plain_log_axis(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers, by 1-2-5 where there is room."""
    low, high = sorted(axis.get_view_interval())
    steps = (1, 2, 5) if high / low < WIDE else (1,)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def marker_style(method: str, setting_number: int) -> dict[str, object]:
    """Line2D properties of a mean: shape by method, filled, hollow, half by setting."""
    shape = look(method)
    return {
        "marker": shape.marker,
        "markersize": 6.5,
        "markeredgecolor": INK,
        "markeredgewidth": 0.9,
        **_fill(shape.colour, setting_number),
    }


def _fill(colour: str, setting_number: int) -> dict[str, object]:
    if setting_number == 1:
        return {"markerfacecolor": "white"}
    if setting_number == 2:
        half = {"fillstyle": "bottom", "markerfacecoloralt": "white"}
        return half | {"markerfacecolor": colour}
    return {"markerfacecolor": colour}


def method_key(method: str) -> Line2D:
    """Legend entry of a method."""
    style = marker_style(method, 0)
    return Line2D([], [], linestyle="", label=method_label(method), **style)


def setting_key(setting: str, number: int) -> Line2D:
    """Legend entry of a setting, by its number in the figure."""
    style = marker_style("", number) | {"marker": "o"} | _fill(MUTED, number)
    label = setting_label(setting, short=True)
    return Line2D([], [], linestyle="", label=label, **style)


def setting_keys(settings: Sequence[str]) -> list[Line2D]:
    """Legend entries of a figure's settings, in their order."""
    return [setting_key(setting, number) for number, setting in enumerate(settings)]


def mark_runs(ax: Axes, x: float, y: float, n: int, runs: int) -> None:
    """Write above a mean of how many runs it is, where these are not all."""
    if n < runs:
        place = {"xytext": (4, 3), "textcoords": "offset points"}
        ax.annotate(f"n = {n}", (x, y), **place, fontsize=7, color=MUTED)


def add_legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Put a legend above the panels, in as many columns as the figure is wide."""
    columns = max(3, int(figure.get_figwidth() / LEGEND_COLUMN))
    figure.legend(handles=handles, loc="outside upper left", ncols=columns)
