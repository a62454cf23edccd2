"""Delimited text as people save it: any delimiter, line end or byte-order mark."""

import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from grvsnn.base.errors import InputError

DELIMITERS = "\t;,"
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True)
class TextTable:
    """A table read line by line.

    Parameters
    ----------
    path : Path
        The file, for messages.
    header : list of str
        Names of the columns.
    rows : iterator of (int, list of str)
        Line number and cells; every row has as many cells as the header.
    """

    path: Path
    header: list[str]
    rows: Iterator[tuple[int, list[str]]]


def check_file(path: str | Path) -> Path:
    """Refuse a file that is missing, empty or a folder."""
    path = Path(path).expanduser()
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the file in it")
    if not path.exists():
        raise InputError(f"{path} is missing; correct its path in the registry entry")
    if not path.stat().st_size:
        raise InputError(f"{path} is empty; copy it again")
    return path


def read_lines(path: str | Path) -> Iterator[str]:
    """Lines of a text file without their ends; it may be gzipped.

    Raises
    ------
    InputError
        While reading: the file is damaged, binary or not UTF-8.
    """
    path = check_file(path)
    with path.open("rb") as start:
        magic = start.read(4)
    if magic == ZIP_MAGIC:
        raise InputError(
            f"{path} is a spreadsheet or an archive; export it as CSV (UTF-8), or "
            "unpack it"
        )
    opener = gzip.open if magic.startswith(GZIP_MAGIC) else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if "\0" in line:
                    raise InputError(f"{path}, line {number}: this is no text file")
                yield line.rstrip("\r\n")
    except UnicodeDecodeError:
        # what is decoded at a time may span many lines
        where = f", after line {number}" if number else ""
        raise InputError(
            f"{path}{where}: not UTF-8; save the file as UTF-8 ('CSV UTF-8' in "
            "spreadsheets)"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(
            f"{path}, after line {number}: the compressed file is cut short or "
            "damaged; copy it again"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def open_table(path: str | Path) -> TextTable:
    """Open a table whose first line names the columns.

    The delimiter is the one of tab, semicolon and comma that the header has most of,
    or else white space; a first line ``sep=;``, as Excel writes it, names it. Lines
    without any content, and remarks above the header (``# ...``, ``##...``), are passed
    over, and so is a last column that is empty in every row.

    Raises
    ------
    InputError
        At once or while rows are read: no header, one column only, or a row that is
        longer or shorter than the header.
    """
    path = Path(path).expanduser()
    lines = read_lines(path)
    first, delimiter, number = _find_header(lines)
    if first.count(delimiter):
        cells = csv.reader(
            _chain(first, lines),
            delimiter=delimiter,
            strict=True,
            skipinitialspace=True,
        )
    else:
        cells = map(_split_at_blanks, _chain(first, lines))
    rows = _number_rows(cells, path, number)
    number, header = next(rows, (number, []))
    header = header[:-1] if len(header) > 2 and not header[-1] else header
    if len(header) < 2:
        raise InputError(
            f"{path}, line {number}: found one column; separate columns by tab, comma, "
            "semicolon or blanks"
        )
    if all(map(is_number, header)):
        raise InputError(
            f"{path}, line {number}: values; the first line must name the columns"
        )
    return TextTable(path, header, _same_width(rows, len(header), path))


def load_table(path: str | Path) -> pd.DataFrame:
    """Read a whole table as stripped text; the index holds the line numbers."""
    table = open_table(path)
    where = f"{table.path}, line 1"
    repeated = [name for name, count in Counter(table.header).items() if count > 1]
    if any(map(is_number, repeated)):
        raise InputError(f"{where}: values; the first line must name the columns")
    refuse_repeats("column", table.header, where)
    numbers, rows = [], []
    for number, cells in table.rows:
        numbers.append(number)
        rows.append(cells)
    if not rows:
        raise InputError(f"{table.path} has a header and no rows")
    return pd.DataFrame(rows, index=numbers, columns=table.header, dtype=object)


def is_number(text: str) -> bool:
    """Tell whether a cell reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def refuse_repeats(kind: str, names: Sequence[str], where: str) -> None:
    """Refuse names that are empty or stand twice."""
    column = pd.Series(names, dtype=object)
    if (column.iloc[1:] == "").any():
        raise InputError(f"{where}: a {kind} has no name")
    repeated = column[column.duplicated()].unique()
    if len(repeated):
        more = f" and {len(repeated) - 1} more" if len(repeated) > 1 else ""
        raise InputError(
            f"{where}: duplicate {kind} {repeated[0]!r}{more}; keep one of each"
        )


def _split_at_blanks(line: str) -> list[str]:
    """Words of a line; R's write.table puts them in quotation marks."""
    words = line.split()
    if '"' not in line:
        return words
    return next(csv.reader([" ".join(words)], delimiter=" ", strict=True))


def _find_header(lines: Iterator[str]) -> tuple[str, str, int]:
    """Return the line that names the columns, the delimiter, and the line's number."""
    delimiter = ""
    number = 1
    for number, line in enumerate(lines, start=1):
        if re.fullmatch(r"sep=[\t;,]", line.strip(" ")) and number == 1:
            delimiter = line.strip(" ")[-1]
        elif not line.startswith(("# ", "##")):
            return line, delimiter or max(DELIMITERS, key=line.count), number
    return "", DELIMITERS[0], number


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _number_rows(
    cells: Iterator[list[str]], path: Path, first: int
) -> Iterator[tuple[int, list[str]]]:
    number = first - 1
    while True:
        try:
            row = next(cells, None)
        except csv.Error as error:
            raise InputError(
                f"{path}, line {number + 1}: {error}; fix the quotation marks"
            ) from None
        if row is None:
            return
        number += 1
        stripped = list(map(str.strip, row))
        if any(stripped):
            yield number, stripped


def _same_width(
    rows: Iterator[tuple[int, list[str]]], width: int, path: Path
) -> Iterator[tuple[int, list[str]]]:
    ends_empty = None
    for number, cells in rows:
        is_first, longer = ends_empty is None, len(cells) == width + 1
        ends_empty = longer and not cells[-1] if is_first else ends_empty
        if ends_empty and longer and not cells[-1]:
            yield number, cells[:-1]
            continue
        if longer and is_first:
            raise InputError(
                f"{path}, line {number}: {len(cells)} cells under a header of {width}; "
                "if the first cell is a row name of R, write the file with col.names = "
                "NA or row.names = FALSE"
            )
        if len(cells) != width:
            raise InputError(
                f"{path}, line {number}: {len(cells)} cells under a header of {width}; "
                "fix the row (a decimal comma, a blank in a name?)"
            )
        yield number, cells
