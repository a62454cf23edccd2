"""One's own genotypes as a .raw file of PLINK (--recode A), 1.9's or 2's."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import Calls, DosageCodes, Rounding
from grvsnn.datasets.pine import unmapped_markers
from grvsnn.datasets.plink_files import look_up_markers, name_animals
from grvsnn.datasets.text_table import open_table, refuse_repeats

FIRST = ["FID", "IID", "PAT", "MAT", "SEX", "PHENOTYPE"]
MISSING = frozenset({"NA", ""})
COUNTED = re.compile(r"^(?P<name>.+)_(?P<allele>[^_()/]+)(\(/(?P<other>[^)]+)\))?$")
"""Columns are called <marker>_<allele counted>, or <marker>_<counted>(/<other>)."""


def read_raw(path: str | Path, map_file: str | Path | None = None) -> Calls:
    """Read a .raw file; the phenotype and the parents in it are not used.

    Parameters
    ----------
    path : path
    map_file : path, optional
        The .bim file of the same markers. Without it positions follow the table, and
        the allele that is not counted is called ``0``.

    Raises
    ------
    InputError
        No .raw file, or one of --recode AD, which has two columns for each marker.
    """
    table = open_table(path)
    if [name.upper() for name in table.header[: len(FIRST)]] != FIRST:
        raise InputError(
            f"{path}: a .raw file begins with the columns {' '.join(FIRST)}; a table "
            "of dosages alone is format csv"
        )
    markers = table.header[len(FIRST) :]
    found = [COUNTED.match(name) for name in markers]
    if any(name.endswith("_HET") for name in markers):
        raise InputError(
            f"{path}: two columns for each marker (--recode AD); write it again with "
            "--recode A"
        )
    if None in found:
        raise InputError(
            f"{path}: column {markers[found.index(None)]!r} does not end in the allele "
            "that is counted, as rs1_A does"
        )
    names = [match["name"] for match in found]
    refuse_repeats("marker", names, f"{path}, line 1")
    codes, rounding = DosageCodes(MISSING), Rounding()
    animals, rows = [], []
    for number, cells in table.rows:
        animals.append(cells[:2])
        try:
            calls, exact = codes.read(cells[len(FIRST) :])
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        rows.append(calls)
        rounding.add(exact - calls)
    if not rows:
        raise InputError(f"{path} has a header and no rows")
    ids, n_joined = name_animals(animals)
    notes = {"animals_named_by_family": n_joined} if n_joined else {}
    return Calls(
        np.stack(rows),
        ids,
        _map(names, found, map_file),
        str(path),
        {**rounding.facts, **notes},
    )


def _map(
    names: list[str], found: list[re.Match], map_file: str | Path | None
) -> pd.DataFrame:
    """Marker map whose a1 is the allele counted."""
    counted = pd.Series([match["allele"] for match in found])
    if map_file is None:
        other = [match["other"] or "0" for match in found]
        return unmapped_markers(np.array(names)).assign(a1=counted, a2=other)
    table = look_up_markers(map_file, np.array(names))
    turned = table["a2"] == counted
    stray = ~turned & (table["a1"] != counted)
    if stray.any():
        row = int(np.argmax(stray))
        raise InputError(
            f"{map_file}: marker {names[row]!r} has the alleles {table['a1'][row]} and "
            f"{table['a2'][row]}, and the .raw file counts {counted[row]}"
        )
    other = table["a1"].where(turned, table["a2"])
    return table.assign(a1=counted, a2=other)
