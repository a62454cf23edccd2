"""What fits say of themselves in fits.json, packed into short strings."""

import hashlib
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


def identify(sample_ids: Sequence[str]) -> str:
    """Fingerprint of animals and their order, for row numbers to be read back by."""
    return hashlib.sha256("\n".join(map(str, sample_ids)).encode()).hexdigest()[:16]


def pack_rows(rows: np.ndarray, n_samples: int) -> str:
    """Row numbers as a string of hexadecimal digits, four animals a digit."""
    member = np.zeros(n_samples, dtype=bool)
    member[rows] = True
    return np.packbits(member).tobytes().hex()


def unpack_rows(text: str, n_samples: int) -> np.ndarray:
    """Row numbers from `pack_rows`, ascending."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8))
    return np.flatnonzero(bits[:n_samples])
