"""Genotype calls as the readers of one's own files hand them on."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from grvsnn.datasets.text_table import refuse_repeats
from grvsnn.errors import InputError
from grvsnn.genotypes import check_names

MISSING_CALL = -1


@dataclass(frozen=True, eq=False)
class Calls:
    """Genotypes of one file.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Copies of a1; `MISSING_CALL` where there is none.
    sample_ids : ndarray of str, shape (n_samples,)
    marker_map : DataFrame
        chromosome, snp, cm, position, a1, a2.
    source : str
        The file, for messages.
    notes : dict
        What was changed on reading, for the provenance.
    """

    dosages: np.ndarray
    sample_ids: np.ndarray
    marker_map: pd.DataFrame
    source: str
    notes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, names in (
            ("animal", self.sample_ids),
            ("marker", self.marker_map["snp"]),
        ):
            if not len(names):
                raise InputError(f"{self.source} has no {kind}s")
            refuse_repeats(kind, names, self.source)
            try:
                check_names(kind, names)
            except InputError as error:
                raise InputError(f"{self.source}: {error}") from None


class DosageCodes(dict):
    """Cell of a dosage table -> hard call; a new spelling is understood once.

    Fractions, which imputation leaves, are rounded to the nearest hard call (a half
    to the even one); `fractional` keeps their spellings.
    """

    def __init__(self, missing: frozenset[str]) -> None:
        super().__init__(dict.fromkeys(missing, MISSING_CALL))
        self.fractional: set[str] = set()

    def __missing__(self, cell: str) -> int:
        try:
            value = float(cell)
        except ValueError:
            raise InputError(f"dosage {cell!r} is not a number") from None
        if not 0 <= value <= 2:
            raise InputError(
                f"dosage {cell!r} does not lie between 0 and 2; if it stands for a "
                "missing call, add it to the entry's 'missing'"
            )
        call = round(value)
        if abs(value - call) > 1e-6:
            self.fractional.add(cell)
        self[cell] = call
        return call

    def count_fractional(self, cells: list[str]) -> int:
        """Count the rounded cells of a row."""
        return sum(cell in self.fractional for cell in cells) if self.fractional else 0
