"""A dataset's file of relatives: its pedigree, or a relationship matrix A."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.files import naming_damage, read_parquet
from grvsnn.pedigree.families import relationships_of
from grvsnn.pedigree.loadings import sort_by_id
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import BlockOperator


def read_relatives(
    path: str | Path,
) -> tuple[pd.DataFrame | None, tuple[np.ndarray, np.ndarray] | None]:
    """Read pedigree.parquet or relationship.npz; the other of the two is None.

    Returns
    -------
    pedigree : DataFrame or None
        id, sire, dam.
    relationship : tuple of (ndarray, ndarray) or None
        Names of the animals, sorted, and their A.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return read_parquet(path), None
    with naming_damage(path), np.load(path) as stored:
        return None, sort_by_id(stored["ids"], stored["A"])


def locate_relatives(
    path: str | Path, sample_ids: Sequence[str], *, both_sexes: bool
) -> tuple[np.ndarray | Pedigree, np.ndarray]:
    """Return A or the pedigree, and the rows of some animals in it."""
    frame, relationship = read_relatives(path)
    if frame is None:
        return relationships_of(relationship, sample_ids, str(path))
    pedigree = Pedigree.from_frame(frame, both_sexes=both_sexes, source=str(path))
    return pedigree, pedigree.rows_of(sample_ids)


def relationships_among(
    path: str | Path, sample_ids: Sequence[str], *, both_sexes: bool
) -> np.ndarray:
    """Return A among some animals, shape (n_samples, n_samples)."""
    found, rows = locate_relatives(path, sample_ids, both_sexes=both_sexes)
    if isinstance(found, np.ndarray):
        return found[np.ix_(rows, rows)]
    ordered, place = np.unique(rows, return_inverse=True)
    return BlockOperator(found, ordered).to_dense()[np.ix_(place, place)]
