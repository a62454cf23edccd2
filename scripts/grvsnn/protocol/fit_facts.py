"""What fits say of themselves in fits.json, packed into short strings."""

from collections.abc import Sequence

import numpy as np


def pack_losses(losses: Sequence[float]) -> str:
    """Losses as one string of six significant digits each; NaN and inf are words.

    A list would take a line a number in an indented file, and JSON has no NaN.
    """
    return " ".join(f"{loss:.6g}" for loss in losses)


def unpack_losses(text: str) -> np.ndarray:
    """Losses from `pack_losses`, float64."""
    return np.array(text.split(), dtype=float)
