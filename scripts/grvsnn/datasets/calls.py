"""Genotype calls as the readers of one's own files hand them on."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.text_table import refuse_repeats
from grvsnn.genotypes.plink import check_names

MISSING_CALL = -1
POLYPLOID = (3.0, 4.0, 5.0, 6.0, 8.0)
"""Dosages that only more than two copies of a chromosome have."""
FRACTION = 1e-6
"""Difference from a hard call that is no more than rounding of the file."""


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
    fractional : ndarray of float16, shape (n_samples, n_markers), or None
        Dosages before rounding, NaN = missing, where they are asked for.
    """

    dosages: np.ndarray
    sample_ids: np.ndarray
    marker_map: pd.DataFrame
    source: str
    notes: dict[str, float] = field(default_factory=dict)
    fractional: np.ndarray | None = None

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


@dataclass(eq=False)
class Rounding:
    """How many dosages lost a fraction on rounding, and how much of it in all."""

    count: int = 0
    total: float = 0.0

    def add(self, lost: np.ndarray) -> None:
        """Take in the differences of dosages and hard calls; NaN = missing."""
        size = np.abs(lost)
        size = size[size > FRACTION]
        self.count += len(size)
        self.total += float(size.sum(dtype=np.float64))

    @property
    def facts(self) -> dict[str, float]:
        """Number of the rounded and their mean absolute error, for the provenance."""
        facts = {"fractional_dosages_rounded": self.count}
        if self.count:
            facts["mean_rounding_error"] = self.total / self.count
        return facts


def as_dosages(calls: np.ndarray) -> np.ndarray:
    """Hard calls as float32 dosages, NaN where a call is missing."""
    return np.where(calls < 0, np.nan, calls).astype(np.float32)


class DosageCodes(dict):
    """Cell of a dosage table -> hard call; a new spelling is understood once.

    Fractions, which imputation leaves, are rounded to the nearest hard call (a half
    to the even one); `exact` gives the dosage before that, NaN for a missing one.
    """

    def __init__(self, missing: frozenset[str]) -> None:
        super().__init__(dict.fromkeys(missing, MISSING_CALL))
        self.exact: dict[str, float] = dict.fromkeys(missing, np.nan)
        self.has_fractions = False

    def __missing__(self, cell: str) -> int:
        try:
            value = float(cell)
        except ValueError:
            raise InputError(f"dosage {cell!r} is not a number") from None
        if value == -1:
            raise InputError(
                "dosage '-1' does not lie between 0 and 2; if the file codes genotypes "
                "as -1, 0, 1, add 1 to each; if -1 stands for a missing call, add it "
                "to the entry's 'missing'"
            )
        if len(cell) > 40 and set(cell) <= set("012345"):
            raise InputError(
                f"{cell[:20]!r}... holds all genotypes of an animal in one string; "
                "separate them by commas"
            )
        if not 0 <= value <= 2:
            ploidy = "; calls of polyploids are not read" * (value in POLYPLOID)
            raise InputError(
                f"dosage {cell!r} does not lie between 0 and 2; if it stands for a "
                f"missing call, add it to the entry's 'missing'{ploidy}"
            )
        call = round(value)
        self.exact[cell] = value
        self.has_fractions |= abs(value - call) > FRACTION
        self[cell] = call
        return call

    def read(self, cells: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Hard calls (int8) of a row's cells, and their dosages (float32)."""
        calls = np.fromiter(map(self.__getitem__, cells), np.int8, len(cells))
        if not self.has_fractions:
            return calls, as_dosages(calls)
        exact = np.fromiter(map(self.exact.__getitem__, cells), np.float32, len(cells))
        return calls, exact
