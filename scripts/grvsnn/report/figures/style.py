"""Look of the figures: colours, marker shapes, fonts, and reproducible files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grvsnn.base.files import atomic_path
from grvsnn.base.registry import read_registry

DPI = 200  # of PNG files
# mid-grey text and lines stay readable where a viewer shows the SVG on a dark page
INK = "#262626"
MUTED = "#6b6b6b"
ACCENT = "#b2182b"
GRID = "#e3e3e3"

RC: Mapping[str, object] = {
    # DejaVu is shipped with matplotlib, so it is the same everywhere; Verdana has
    # nearly its widths, for viewers of the SVG that lack it
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text: searchable, and the file small
    "svg.hashsalt": "grvsnn",  # element ids do not change from run to run
}


@dataclass(frozen=True)
class Look:
    """Colour and marker shape of one method."""

    colour: str
    marker: str | tuple[int, int, float]

    @classmethod
    def read(cls, colour: str, marker: str | list) -> "Look":
        """Build from an entry of the registry, where a tuple is a list."""
        return cls(colour, tuple(marker) if isinstance(marker, list) else marker)


# Okabe & Ito's colour-blind safe colours; shapes differ too, for grey print
LOOKS: Mapping[str, Look] = {
    name: Look.read(**entry["look"]) for name, entry in read_registry("methods").items()
}
OTHER = Look("#3d3d3d", "h")


def look(method: str) -> Look:
    """Colour and shape of a method; its variants have them too."""
    return LOOKS.get(method.partition("-")[0], OTHER)


@contextmanager
def house_style() -> Iterator[None]:
    """Apply the style to figures made and saved inside the block, to nothing else."""
    with mpl.rc_context(dict(RC)):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return a figure (inches) on the Agg canvas, without pyplot's global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, paths: Sequence[str | Path]) -> None:
    """Write a figure atomically to every path; the suffix chooses the format.

    Neither date nor program version is written, so the same figure gives the same
    bytes.
    """
    for path in paths:
        metadata = {"Date": None, "Creator": None}
        if Path(path).suffix.lower() != ".svg":
            metadata = {"Software": None}
        with atomic_path(path) as scratch:
            figure.savefig(scratch, dpi=DPI, metadata=metadata)
