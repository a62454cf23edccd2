"""One's own phenotypes, covariates, pedigree and relationship matrix as text tables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.parents import read_parents
from grvsnn.datasets.pedigree_facts import refuse_late_parents, refuse_wrong_sex
from grvsnn.datasets.plink_files import load_fam
from grvsnn.datasets.repeated import average_records, keep_one_row
from grvsnn.datasets.text_table import is_number, load_table, refuse_repeats
from grvsnn.pedigree.pedigree import Pedigree

MISSING_CODES = ("", ".", "-", "NA", "na", "N/A", "#N/A", "NaN", "nan", "None", "NULL")
FORTRAN = r"[+-]?\d*\.?\d+[dD][+-]?\d+"
"""Numbers as Fortran writes doubles, 0.741D+04."""
ISO_DATE = r"\d{4}-\d{2}-\d{2}"
LOGICAL = {"TRUE": 1.0, "FALSE": 0.0, "True": 1.0, "False": 0.0}
PARENT_NAMES = {
    "sire": ("sire", "sir", "father", "pat", "sire_id", "sireid"),
    "dam": ("dam", "mother", "mat", "dam_id", "damid"),
}


def missing_codes(extra: Sequence[str | float] = ()) -> frozenset[str]:
    """Spellings of a missing value: the usual ones and the registry's."""
    return frozenset({*MISSING_CODES, *map(str, extra)})


def find_missing(column: pd.Series, codes: frozenset[str]) -> pd.Series:
    """Cells that stand for a missing value; -9 also covers -9.0."""
    found = column.isin(codes)
    # "nan" reads as a number too
    numbers = {float(code) for code in codes if is_number(code) and code[-1].isdigit()}
    if numbers:
        found |= pd.to_numeric(column, errors="coerce").isin(numbers)
    return found


def parse_numbers(
    column: pd.Series, codes: frozenset[str], source: str, advice: str
) -> np.ndarray:
    """Turn a column of text into floats, NaN where missing.

    Parameters
    ----------
    column : Series of str
        Indexed by line number, named by its column.
    codes : frozenset of str
        Spellings of a missing value.
    source : str
        The file.
    advice : str
        What to do about a cell that is not a number.
    """
    gap = find_missing(column, codes)
    _refuse_thousands(column[~gap], source)
    cells = column.mask(gap)
    if has_decimal_commas(column, codes):
        cells = cells.str.replace(",", ".")
    elif column[~gap].str.fullmatch(FORTRAN).any():
        cells = cells.str.replace("[dD]", "e", regex=True)
    elif column[~gap].isin(LOGICAL).all():
        cells = cells.map(LOGICAL)
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    bad = ~gap & ~np.isfinite(numbers)
    if bad.any():
        line = bad.index[bad][0]
        cell = column[line]
        if re.fullmatch(r"[+-]?\d*,\d+", cell):
            advice = "write decimals with a point, in every row"
        raise InputError(
            f"{source}, line {line}: column {column.name!r} holds {cell!r}, which is "
            f"not a finite number; {advice}"
        )
    return numbers.to_numpy()


def has_decimal_commas(column: pd.Series, codes: frozenset[str]) -> bool:
    """Tell whether a column has a comma for the decimal point, throughout.

    Every number must read so, none has a point, and not all commas may stand before
    three digits, as those between thousands do.
    """
    cells = column[~find_missing(column, codes)]
    if not cells.str.contains(",", regex=False).any():
        return False
    decimal = cells.str.fullmatch(r"[+-]?\d+(,\d+)?").all()
    return decimal and not cells.str.fullmatch(r"[+-]?\d{1,3}(,\d{3})?").all()


def _refuse_thousands(cells: pd.Series, source: str) -> None:
    """Refuse 7.412 beside 987 where the point may well separate thousands."""
    pointed = cells.str.contains(".", regex=False)
    grouped = cells.str.fullmatch(r"\d{1,3}(\.\d{3})+")
    whole = cells.str.fullmatch(r"\d{3}")
    if grouped.sum() >= 3 and whole.any() and (pointed == grouped).all():
        if (pointed | cells.str.fullmatch(r"\d{1,3}")).all():
            line = cells.index[grouped][0]
            raise InputError(
                f"{source}, line {line}: column {cells.name!r} holds {cells[line]!r} "
                f"beside {cells[whole].iloc[0]!r}; if the point separates thousands, "
                "write the numbers without it, and if not, write all with decimals"
            )


def load_records(
    path: str | Path, id_column: str | None = None, repeated: bool = False
) -> pd.DataFrame:
    """Read a table of one row per animal; the animal goes into column sample_id.

    The animal stands in `id_column`, by default the first one. Ids are text: 007 is
    not 7. With `repeated` an animal may have several rows.
    """
    table = _load(path)
    if id_column is None:
        refuse_row_names(table, str(path))
    name = table.columns[0] if id_column is None else id_column
    require_columns(table, [name], str(path))
    ids = table[name]
    empty = ids.isin(MISSING_CODES)
    if empty.any():
        raise InputError(f"{path}, line {ids.index[empty][0]}: the row has no animal")
    _refuse_shortened(ids, str(path))
    twice = ids.duplicated()
    if twice.any() and (better := _column_of_animals(table, name)):
        raise InputError(
            f"{path}, line {ids.index[twice][0]}: {ids[twice].iloc[0]!r} stands in the "
            f"first column, {str(name)!r}, more than once; the animals seem to be in "
            f"column {better!r}: add columns: {{id: {better}}} to the entry"
        )
    if twice.any() and not repeated:
        raise InputError(
            f"{path}, line {ids.index[twice][0]}: animal {ids[twice].iloc[0]!r} has a "
            "row already; keep one row per animal, or add 'repeated: mean' to the "
            "entry for the mean of its records"
        )
    # the animal's own name wins over another column called sample_id
    rest = table.drop(columns=[name, "sample_id"], errors="ignore")
    return rest.assign(sample_id=ids)


def _load(path: str | Path) -> pd.DataFrame:
    """Read a table with a header, or a .fam file, which has none."""
    return load_fam(path) if Path(path).suffix == ".fam" else load_table(path)


def _refuse_shortened(ids: pd.Series, source: str) -> None:
    """Refuse ids like 2.76E+14, of which a spreadsheet has dropped digits."""
    short = ids.str.fullmatch(r"\d+([.,]\d+)?[eE]\+\d+")
    if short.any():
        raise InputError(
            f"{source}, line {ids.index[short][0]}: {ids[short].iloc[0]!r} is an id "
            "that a spreadsheet has shortened, and its digits are lost; format the "
            "column as text there and export it again"
        )


def _column_of_animals(table: pd.DataFrame, first: object) -> str | None:
    """Name the column of individual ids in a table that begins with family ids."""
    if str(first).lstrip("#").upper() not in ("FID", "FAMID", "FAMILY"):
        return None
    names = [str(c) for c in table.columns if str(c).upper() in ("IID", "ID", "ANIMAL")]
    return next((name for name in names if table[name].is_unique), None)


def refuse_row_names(table: pd.DataFrame, source: str) -> None:
    """Refuse a first column that only counts the rows, as R writes its row names."""
    first = table.iloc[:, 0]
    counted = first.tolist() in (
        list(map(str, range(start, start + len(first)))) for start in (0, 1)
    )
    if table.columns[0] == "" and counted and len(first) > 1:
        raise InputError(
            f"{source}: the first column has no name and counts the rows, as R's row "
            "names do; write the file with row.names = FALSE, or name the column of "
            "animals under the entry's 'columns' (id: ...)"
        )


def require_columns(table: pd.DataFrame, names: Sequence[str], source: str) -> None:
    """Refuse a table that lacks a column; name the nearest one."""
    known = [str(name) for name in table.columns]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            mean = f" Did you mean {near[0]!r}?" if near else ""
            # the column of animals is called sample_id here, whatever its name there
            own = [column for column in known if column != "sample_id"]
            head = ", ".join(own[:20]) + (", ..." if len(own) > 20 else "")
            raise InputError(f"{source} has no column {name!r}; it has {head}.{mean}")


def read_phenotypes(
    path: str | Path,
    traits: Mapping[str, str],
    codes: frozenset[str],
    id_column: str | None = None,
    repeated: bool = False,
) -> pd.DataFrame:
    """Read sample_id and one float column per trait (new name -> column).

    With `repeated` an animal's records are averaged.
    """
    table = load_records(path, id_column, repeated)
    require_columns(table, list(traits.values()), str(path))
    advice = "fix it, or add it to the entry's 'missing'"
    values = {
        trait: parse_numbers(table[column], codes, str(path), advice)
        for trait, column in traits.items()
    }
    frame = pd.DataFrame({"sample_id": table["sample_id"].to_numpy(), **values})
    frame = _note_commas(frame, table, traits.values(), codes)
    return average_records(frame) if repeated else frame


def _note_commas(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    names: Iterable[str],
    codes: frozenset[str],
) -> pd.DataFrame:
    """Keep with a frame which of its columns were read with decimal commas."""
    found = [name for name in names if has_decimal_commas(table[name], codes)]
    frame.attrs["decimal_commas"] = found
    return frame


def read_covariates(
    path: str | Path,
    names: Sequence[str],
    factors: Sequence[str],
    codes: frozenset[str],
    id_column: str | None = None,
    repeated: bool = False,
) -> pd.DataFrame:
    """Read sample_id and fixed effects: numbers as floats, classes as text.

    A column is a factor if `factors` says so or if none of its values is a number or a
    date; a missing class is NaN. Dates (2019-03-01) become days. With `repeated` an
    animal may have several rows that say the same.
    """
    table = load_records(path, id_column, repeated)
    require_columns(table, [*names, *factors], str(path))
    stray = [name for name in factors if name not in names]
    if stray:
        raise InputError(f"factor {stray[0]!r} is not among the entry's covariates")
    columns = {}
    advice = "fix it, or list the column under the entry's 'factors'"
    for name in names:
        column = table[name]
        gap = find_missing(column, codes)
        is_class = not column[~gap].map(is_number).any()
        if name not in factors and column[~gap].str.fullmatch(ISO_DATE).all():
            columns[name] = _days(column.mask(gap), str(path))
        elif name in factors or (is_class and not has_decimal_commas(column, codes)):
            columns[name] = np.where(gap, None, column)
        else:
            columns[name] = parse_numbers(column, codes, str(path), advice)
    frame = pd.DataFrame({"sample_id": table["sample_id"].to_numpy(), **columns})
    numbers = frame.select_dtypes("number").columns
    return keep_one_row(_note_commas(frame, table, numbers, codes), str(path))


def _days(column: pd.Series, source: str) -> np.ndarray:
    """Days since 1970 of dates as ISO 8601 writes them, NaN where missing."""
    days = pd.to_datetime(column, format="%Y-%m-%d", errors="coerce")
    bad = days.isna() & column.notna()
    if bad.any():
        line = column.index[bad][0]
        raise InputError(
            f"{source}, line {line}: column {column.name!r} holds {column[line]!r}, "
            "which is no day of the calendar; fix it"
        )
    count = days.to_numpy().astype("datetime64[D]").astype(float)
    return np.where(days.isna(), np.nan, count)


def read_environment(
    path: str | Path,
    names: Mapping[str, str],
    codes: frozenset[str],
    id_column: str | None = None,
    repeated: bool = False,
) -> pd.DataFrame:
    """Read sample_id and common environments (new name -> column) as classes.

    A class is text, as it is written; None where it is missing. With `repeated` an
    animal may have several rows that say the same.
    """
    table = load_records(path, id_column, repeated)
    require_columns(table, list(names.values()), str(path))
    classes = {
        name: np.where(find_missing(table[column], codes), None, table[column])
        for name, column in names.items()
    }
    frame = pd.DataFrame({"sample_id": table["sample_id"].to_numpy(), **classes})
    return keep_one_row(frame, str(path))


def read_pedigree(
    path: str | Path,
    codes: frozenset[str],
    columns: Mapping[str, str],
    both_sexes: bool,
) -> pd.DataFrame:
    """Read id, sire and dam ("0" = unknown) and refuse an impossible pedigree.

    Records may come in any order; duplicate records are kept once. Parents are
    found by `columns` or by their usual names; `columns` may name `sex` and `born`
    too, which parents are held against.
    """
    table = _load(path)
    if "id" not in columns:
        refuse_row_names(table, str(path))
    names = {"id": columns.get("id", table.columns[0])}
    for role, usual in PARENT_NAMES.items():
        names[role] = columns.get(role) or _find_usual(table, role, usual, str(path))
    facts = {key: columns[key] for key in ("sex", "born") if key in columns}
    require_columns(table, [*names.values(), *facts.values()], str(path))
    frame = pd.DataFrame({role: table[name] for role, name in names.items()})
    frame = read_parents(frame, codes, str(path))
    if "sex" in facts and not both_sexes:
        refuse_wrong_sex(frame, table[facts["sex"]], str(path))
    if "born" in facts:
        born = table[facts["born"]]
        born = born.mask(find_missing(born, codes), "")
        refuse_late_parents(frame, born, str(path))
    frame = frame.drop_duplicates().reset_index(drop=True)
    Pedigree.from_frame(frame, both_sexes=both_sexes, source=str(path))
    return frame


def _find_usual(
    table: pd.DataFrame, role: str, usual: Sequence[str], source: str
) -> str:
    for name in table.columns:
        if name.lower() in usual:
            return name
    raise InputError(
        f"{source} has no column {role!r}; it has {', '.join(table.columns[:20])}. "
        f"Name the column under the entry's 'columns' ({role}: ...)"
    )


def read_relationship(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a square table of A; first column and first line name the animals."""
    table = load_table(path)
    ids = table.iloc[:, 0].to_numpy(dtype=object).astype(str)
    refuse_repeats("animal", ids, str(path))
    across = np.array([str(name) for name in table.columns[1:]])
    if len(ids) != len(across) or (ids != across).any():
        raise InputError(
            f"{path}: the first column and the first line must name the same "
            f"animals in the same order; they name {len(ids)} and {len(across)}"
        )
    advice = "A has no gaps"
    A = np.column_stack(
        [
            parse_numbers(table[name], frozenset(), str(path), advice)
            for name in table.columns[1:]
        ]
    )
    if not np.allclose(A, A.T, atol=1e-6):
        row, column = np.argwhere(~np.isclose(A, A.T, atol=1e-6))[0]
        pair = f"{str(ids[row])!r} and {str(ids[column])!r}"
        raise InputError(f"{path}: not symmetric at animals {pair}")
    if (np.diag(A) <= 0).any():
        animal = str(ids[int(np.argmin(np.diag(A)))])
        raise InputError(f"{path}: the diagonal of animal {animal!r} is not positive")
    return ids, A
