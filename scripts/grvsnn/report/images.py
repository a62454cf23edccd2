"""Files inside a page, as data URIs."""

import re
import struct
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grvsnn.base.errors import InputError
from grvsnn.report.figures.style import DPI

TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv;charset=utf-8",
    "tex": "application/x-tex;charset=utf-8",
}
SVG_SIZE = re.compile(rb'<svg[^>]*\bwidth="([\d.]+)pt"[^>]*\bheight="([\d.]+)pt"')


@dataclass(frozen=True)
class Image:
    """A figure inside a page.

    Parameters
    ----------
    uri : str
        The file itself.
    suffix : str
        png or svg.
    width, height : int
        CSS pixels (1/96 inch) at the figure's own size.
    """

    uri: str
    suffix: str
    width: int
    height: int


def data_uri(path: Path) -> str:
    """Return a file as a data URI."""
    kind = TYPES[path.suffix[1:]]
    return f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}"


def embed_image(files: Mapping[str, Path]) -> Image:
    """Take the smaller of a figure's PNG and SVG: tens of thousands of points are PNG.

    Parameters
    ----------
    files : mapping of str to Path
        Suffix to file.
    """
    sizes = {suffix: path.stat().st_size for suffix, path in files.items()}
    suffix = min(sizes, key=sizes.__getitem__)
    path = files[suffix]
    width, height = _inches(path)
    return Image(data_uri(path), suffix, round(96 * width), round(96 * height))


def _inches(path: Path) -> tuple[float, float]:
    """Width and height of a figure as it was drawn."""
    head = path.read_bytes()[:4096]
    if head.startswith(b"\x89PNG"):
        width, height = struct.unpack(">2I", head[16:24])
        return width / DPI, height / DPI
    size = SVG_SIZE.search(head)
    if size is None:
        raise InputError(f"{path}: neither a PNG nor an SVG in points; run again")
    return float(size[1]) / 72, float(size[2]) / 72
