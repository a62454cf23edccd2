"""Families and generations of genotyped animals, for folds that respect them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from grvsnn.base.errors import InputError
from grvsnn.pedigree.pedigree import Pedigree

CLOSE = 0.4
"""Relationship above which two animals are of one family: full sibs, parent and
offspring have 0.5, half sibs and grandparents 0.25, more where their ancestors are
related."""


def close_families(A: np.ndarray, sample_ids: Sequence[str]) -> np.ndarray:
    """Families that a relationship matrix alone tells apart.

    Two animals are close if their coefficient of relationship (Wright 1922),
    A_ij / sqrt(A_ii A_jj), is above `CLOSE`; the division keeps half sibs of inbred
    lines apart. A family is a connected component of close animals, so that no close
    pair is of two families: full sibs, together with parents of theirs among the
    animals, and through these with their half sibs.

    Parameters
    ----------
    A : ndarray of float64, shape (n_samples, n_samples)
        Numerator relationships of the animals.
    sample_ids : sequence of str
        Their names.

    Returns
    -------
    ndarray of str, shape (n_samples,)
        Each family is named by the first of its members in the order of names, whatever
        the order of the rows.
    """
    scale = 1 / np.sqrt(np.diag(A))
    close = csr_array(A * scale * scale[:, None] > CLOSE)
    component = connected_components(close, directed=False)[1]
    names = pd.Series(np.asarray(sample_ids, dtype=str).astype(object))
    return names.groupby(component).transform("min").to_numpy()


def relationships_of(
    relationship: tuple[np.ndarray, np.ndarray],
    sample_ids: Sequence[str],
    source: str = "the relationship matrix",
) -> tuple[np.ndarray, np.ndarray]:
    """Return A, and the rows of some animals in it.

    Parameters
    ----------
    relationship : tuple of (ndarray, ndarray)
        Names of its animals, and A.
    sample_ids : sequence of str
        Genotyped animals.
    source : str
        Name of the file, for the error.

    Raises
    ------
    InputError
        A genotyped animal is not in A.
    """
    ids, A = relationship
    rows = pd.Index(ids).get_indexer(sample_ids)
    if (rows < 0).any():
        missing = np.asarray(sample_ids)[rows < 0]
        raise InputError(
            f"{source}: {len(missing)} genotyped animals are not in the relationship "
            f"matrix, e.g. {str(missing[0])!r}"
        )
    return A, rows


def fold_relatives(
    scheme: str,
    sample_ids: Sequence[str],
    pedigree: pd.DataFrame | None,
    relationship: tuple[np.ndarray, np.ndarray] | None,
    *,
    both_sexes: bool = False,
) -> dict[str, np.ndarray]:
    """Find what `grvsnn.protocol.folds.make_folds` needs for ``family`` or ``forward``.

    Parameters
    ----------
    scheme : {"family", "forward"}
    sample_ids : sequence of str
        Genotyped animals.
    pedigree : DataFrame or None
        id, sire, dam; ``family`` takes its full sibs.
    relationship : tuple of (ndarray, ndarray) or None
        Names and A, for ``family`` where there is no pedigree (`close_families`).
    both_sexes : bool
        As `grvsnn.pedigree.pedigree.Pedigree.from_frame`.

    Returns
    -------
    dict
        Keyword ``groups`` or ``born``, in the order of `sample_ids`.

    Raises
    ------
    InputError
        The dataset has no such relatives.
    """
    if pedigree is not None:
        tree = Pedigree.from_frame(pedigree, both_sexes=both_sexes)
        rows = tree.rows_of(sample_ids)
        if scheme == "forward":
            return {"born": tree.generation[rows]}
        return {"groups": tree.full_sib_families()[rows]}
    if scheme == "forward" or relationship is None:
        wanted = "a pedigree" if scheme == "forward" else "a pedigree or relationships"
        raise InputError(
            f"folds scheme {scheme!r} needs {wanted}, which the dataset lacks; choose "
            "another scheme"
        )
    A, rows = relationships_of(relationship, sample_ids)
    return {"groups": close_families(A[np.ix_(rows, rows)], sample_ids)}
