"""One's own genotypes as a CSV or TSV table of dosages."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import MISSING_CALL, Calls, DosageCodes, Rounding
from grvsnn.datasets.pine import unmapped_markers
from grvsnn.datasets.plink_files import look_up_markers
from grvsnn.datasets.text_table import TextTable, is_number, open_table, refuse_repeats

RAW_COLUMNS = frozenset(
    {"fid", "iid", "pat", "mat", "sex", "phenotype", "sire", "dam", "sample_id"}
)
"""Columns of PLINK's .raw files and of pedigrees, which no marker is called."""
MANY_GAPS = 0.2


def read_dosage_table(
    path: str | Path,
    missing: frozenset[str],
    rows: str = "animals",
    map_file: str | Path | None = None,
    fractional: bool = False,
    no_markers: Collection[str] = (),
) -> Calls:
    """Read dosages; the first column and the first line hold names.

    Parameters
    ----------
    path : path
        Table; fractions are rounded to the nearest hard call.
    missing : frozenset of str
        Spellings of a missing call. 0, 1 and 2 are dosages, whatever stands for a gap
        in other files.
    rows : {"animals", "markers"}
        What a row is.
    map_file : path, optional
        A .bim file with a line for every marker; its a1 is the allele counted. Without
        it alleles are called A and B and positions follow the table.
    fractional : bool
        Keep the dosages before rounding too.
    no_markers : collection of str
        Columns of the entry's other files, such as its traits.
    """
    table = open_table(path)
    refuse_other_columns(table, no_markers)
    missing = frozenset(code for code in missing if not _is_dosage(code))
    if set(table.header[1:]) <= {"0", "1", "2", *missing}:
        raise InputError(
            f"{table.path}, line 1: these are dosages; the first line must hold names"
        )
    refuse_repeats(
        "marker" if rows == "animals" else "animal",
        table.header[1:],
        f"{table.path}, line 1",
    )
    codes = DosageCodes(missing)
    names, dosages, rounding, exact = _read_rows(table, codes, fractional)
    refuse_other_coding(dosages, table.path)
    across = np.array(table.header[1:])
    if rows == "markers":
        dosages, names, across = np.ascontiguousarray(dosages.T), across, names
        exact = np.ascontiguousarray(exact.T) if fractional else None
    return Calls(
        dosages,
        names,
        look_up_markers(map_file, across) if map_file else unmapped_markers(across),
        str(table.path),
        rounding.facts,
        exact,
    )


def refuse_other_columns(table: TextTable, no_markers: Collection[str]) -> None:
    """Refuse names that no marker has: a phenotype among markers would leak."""
    found = [name for name in table.header[1:] if name.casefold() in RAW_COLUMNS]
    if found:
        raise InputError(
            f"{table.path}, line 1: {', '.join(map(repr, found))} is no marker; of a "
            ".raw file of PLINK keep the columns IID and those of the SNPs"
        )
    found = [name for name in table.header[1:] if name in set(no_markers)]
    if found:
        raise InputError(
            f"{table.path}, line 1: {found[0]!r} is a trait or covariate of the entry, "
            "no marker; remove the column"
        )


def refuse_other_coding(dosages: np.ndarray, path: Path) -> None:
    """Refuse dosages of -1, 0 and 1 whose -1 was taken for missing."""
    gaps = float(np.mean(dosages == MISSING_CALL))
    if gaps > MANY_GAPS and dosages.max(initial=0) < 2:
        raise InputError(
            f"{path}: {gaps:.0%} of the calls are missing and none is 2; if the file "
            "codes genotypes as -1, 0, 1, add 1 to each, and take -1 out of the "
            "entry's 'missing'"
        )


def _is_dosage(code: str) -> bool:
    return is_number(code) and float(code) in (0.0, 1.0, 2.0)


def _read_rows(
    table: TextTable, codes: DosageCodes, keep: bool
) -> tuple[np.ndarray, np.ndarray, Rounding, np.ndarray | None]:
    names, rows, kept, rounding = [], [], [], Rounding()
    for number, (name, *cells) in table.rows:
        where = f"{table.path}, line {number}"
        if not name:
            raise InputError(f"{where}: the row has no name in its first column")
        try:
            calls, exact = codes.read(cells)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        names.append(name)
        rows.append(calls)
        rounding.add(exact - calls)
        kept += [exact.astype(np.float16)] if keep else []
    if not rows:
        raise InputError(f"{table.path} has a header and no rows")
    return np.array(names), np.stack(rows), rounding, np.stack(kept) if keep else None
