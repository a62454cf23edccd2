"""Dosages before rounding, where imputation or sequencing left fractions."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import Calls
from grvsnn.datasets.dosage_table import read_dosage_table
from grvsnn.datasets.pig import read_pig_dosages
from grvsnn.datasets.records import missing_codes
from grvsnn.datasets.vcf import read_vcf


def read_fractions(path: str | Path, entry: Mapping) -> Calls:
    """Read the raw genotypes of an entry with ``dosage: fractional``.

    Parameters
    ----------
    path : path
        The entry's genotype file.
    entry : mapping
        Of format pig, vcf or csv.
    """
    if entry["format"] == "pig":
        return read_pig_dosages(path, fractional=True)
    if entry["format"] == "vcf":
        return read_vcf(path, fractional=True)
    codes, rows = missing_codes(entry.get("missing", ())), entry.get("rows", "animals")
    return read_dosage_table(path, codes, rows, fractional=True)


def pick_fractions(
    calls: Calls, sample_ids: np.ndarray, markers: np.ndarray
) -> np.ndarray:
    """Lay dosages out by the animals and markers that a prepared dataset holds.

    Parameters
    ----------
    calls : Calls
        With fractional dosages.
    sample_ids, markers : ndarray of str
        Rows and columns of the prepared .bed file.

    Returns
    -------
    ndarray of float16, shape (n_samples, n_markers)
        NaN = missing.

    Raises
    ------
    InputError
        When the file lacks one of them.
    """
    places = []
    for kind, have, want in (
        ("animal", calls.sample_ids, sample_ids),
        ("marker", calls.marker_map["snp"], markers),
    ):
        place = pd.Index(have).get_indexer(want)
        if (place < 0).any():
            raise InputError(
                f"{calls.source}: {kind} {str(want[place < 0][0])!r} of the prepared "
                "data is not in the file; prepare the dataset again"
            )
        places.append(place)
    return calls.fractional[np.ix_(*places)]
